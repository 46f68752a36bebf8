import { describe, expect, it } from 'vitest';
import { type PauseNotice, PauseWatch } from '../../src/lib/pause-watch.js';
import { FakeClock } from '../support/fake-clock.js';
import { FakeMachine } from '../support/fake-machine.js';

function startWatch() {
  const machine = new FakeMachine(Date.UTC(2026, 0, 1));
  const notices: PauseNotice[] = [];
  const watch = new PauseWatch({ clock: machine.clock, probe: machine, onNotice: (notice) => notices.push(notice) });
  watch.start();
  return { machine, notices, watch };
}

describe('PauseWatch', () => {
  it('notices nothing while beats come in time, or late by what is allowed', async () => {
    const { machine, notices } = startWatch();
    await machine.clock.advance(3_600_000);
    await machine.stop(3_000);
    await machine.clock.advance(10_000);
    expect(notices).toEqual([]);
  });

  it('reports a stopped process as a pause, once, for as long as its beat was late', async () => {
    const { machine, notices, watch } = startWatch();
    await machine.clock.advance(400);
    await machine.stop(90_000);
    await machine.clock.advance(60_000);
    expect(notices).toEqual([{ kind: 'pause', ms: 89_400 }]);
    expect(watch.stats()).toEqual({ pausesTotal: 1, pausedMsTotal: 89_400, lagTotal: 0, lagMsTotal: 0, jumpsTotal: 0 });
  });

  it('P11: reports a main thread that was busy for as long as a lag and not as a pause', async () => {
    const { machine, notices, watch } = startWatch();
    for (const ms of [1_000, 5_000, 30_000]) {
      await machine.work(ms);
      await machine.clock.advance(10_000);
    }
    expect(notices).toEqual([
      { kind: 'lag', ms: 4_000 },
      { kind: 'lag', ms: 29_000 },
    ]);
    expect(watch.stats()).toMatchObject({ pausesTotal: 0, pausedMsTotal: 0, lagTotal: 2, lagMsTotal: 33_000 });
  });

  // What the main thread was in its own work and what the process had of a processor, of ten seconds' delay.
  it.each([
    ['a thread at work that had a tenth of a core', { activeMs: 11_000, cpuMs: 1_100 }, 'lag'],
    ['a process stopped in the middle of its work', { activeMs: 11_000, cpuMs: 400 }, 'pause'],
    ['a process stopped a while after its work', { activeMs: 900, cpuMs: 900 }, 'pause'],
    ['a waiting main thread, whatever other threads did before', { activeMs: 20, cpuMs: 8_000 }, 'pause'],
  ])('takes %s for what it is', async (_, used, kind) => {
    const clock = new FakeClock(Date.UTC(2026, 0, 1));
    const now = { activeMs: 0, cpuMs: 0 };
    const notices: PauseNotice[] = [];
    const probe = { activeMs: () => now.activeMs, cpuMs: () => now.cpuMs, uptimeMs: () => clock.monotonic() };
    const watch = new PauseWatch({ clock, probe, onNotice: (notice) => notices.push(notice) });
    watch.start();
    Object.assign(now, used);
    clock.stall(11_000);
    await clock.advance(0);
    expect(notices).toEqual([{ kind, ms: 10_000 }]);
    await watch.stop();
  });

  it('reports a suspended machine as a pause, although the monotonic clock has stood still', async () => {
    const { machine, notices } = startWatch();
    await machine.clock.advance(300);
    machine.suspend(8 * 3_600_000);
    await machine.clock.advance(10_000);
    expect(notices).toEqual([{ kind: 'pause', ms: 8 * 3_600_000 }]);
  });

  it('reports a wall clock that was set, forwards and backwards, and no pause', async () => {
    const { machine, notices, watch } = startWatch();
    for (const ms of [3_600_000, -7_200_000, 86_400_000, 2_000, -2_000]) {
      machine.clock.jump(ms);
      await machine.clock.advance(5_000);
    }
    expect(notices).toEqual([3_600_000, -7_200_000, 86_400_000].map((ms) => ({ kind: 'clockJump', ms })));
    expect(watch.stats()).toMatchObject({ jumpsTotal: 3, pausesTotal: 0 });
  });

  it('tells a clock that was set during a pause from the pause', async () => {
    const { machine, notices } = startWatch();
    machine.clock.jump(-3_600_000);
    await machine.stop(11_000);
    await machine.clock.advance(5_000);
    expect(notices).toEqual([
      { kind: 'pause', ms: 10_000 },
      { kind: 'clockJump', ms: -3_600_000 },
    ]);
  });

  it('tells whoever asks of a pause before its own beat has come, and the beat does not count it again', async () => {
    const { machine, notices, watch } = startWatch();
    machine.clock.stall(41_000);
    expect(watch.pausedMs()).toBe(40_000);
    expect(notices).toHaveLength(1);
    await machine.clock.advance(5_000);
    expect(watch.pausedMs()).toBe(40_000);
    expect(notices).toHaveLength(1);
  });

  it('is not blinded by being asked all the time', async () => {
    const { machine, watch } = startWatch();
    for (let ask = 0; ask < 25; ask++) {
      await machine.clock.advance(100);
      watch.pausedMs();
    }
    await machine.stop(4_000);
    expect(watch.pausedMs()).toBe(3_500);
  });

  it('keeps one timer, also when started twice, and none when stopped', async () => {
    const { machine, notices, watch } = startWatch();
    watch.start();
    await machine.stop(300_000);
    expect(machine.clock.pendingTimers).toBe(1);
    await watch.stop();
    await watch.stop();
    expect(machine.clock.pendingTimers).toBe(0);
    machine.clock.stall(60_000);
    expect(watch.pausedMs()).toBe(299_000);
    expect(notices).toHaveLength(1);
  });

  it('may be stopped by whom it notifies', async () => {
    const machine = new FakeMachine(Date.UTC(2026, 0, 1));
    const watch = new PauseWatch({ clock: machine.clock, probe: machine, onNotice: () => void watch.stop() });
    watch.start();
    await machine.stop(10_000);
    await machine.stop(10_000);
    expect(machine.clock.pendingTimers).toBe(0);
    expect(watch.stats().pausesTotal).toBe(1);
  });

  it('begins anew when started again: the time in between was no pause', async () => {
    const { machine, notices, watch } = startWatch();
    await watch.stop();
    await machine.clock.advance(60_000);
    watch.start();
    await machine.clock.advance(5_000);
    expect(notices).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { type PauseNotice, PauseWatch } from '../../src/lib/pause-watch.js';
import { seededRandom } from '../../src/lib/random.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { ExchangeClockKeeper } from '../../src/scheduler/exchange-clock.js';
import { SlotLoop } from '../../src/scheduler/slot-loop.js';
import { FakeExchangeTime } from '../support/fake-exchange-time.js';
import { FakeMachine } from '../support/fake-machine.js';
import { LoopRecord, slotsBetween } from '../support/slot-loop.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FIVE = 5 * MINUTE;
const NOON = Date.UTC(2026, 0, 1, 12);

/** The parts that know the time, joined as the daemon joins them, on a machine and an exchange with clocks of their own. */
function startParts({ rate = 1 } = {}) {
  const machine = new FakeMachine(NOON);
  const { clock } = machine;
  const exchange = new FakeExchangeTime(machine, rate);
  const governor = new WeightGovernor({ clock, random: () => 0 });
  const keeper = new ExchangeClockKeeper({ client: exchange, governor, clock, random: seededRandom(1) });
  const notices: PauseNotice[] = [];
  const watch = new PauseWatch({
    clock,
    probe: machine,
    onNotice: (notice) => {
      notices.push(notice);
      keeper.notice(notice);
    },
  });
  const record = new LoopRecord(clock);
  /** How far each tick was from its slot by the exchange's own clock. */
  const offMs: number[] = [];
  const loop = new SlotLoop({
    base: '5m',
    clock,
    exchangeNow: () => keeper.exchangeNow(),
    pausedMs: () => watch.pausedMs(),
    onMissed: record.onMissed,
    onPause: record.onPause,
    onError: record.onError,
    run: (tick, signal) => {
      offMs.push(exchange.now() - tick.slot);
      return record.run(tick, signal);
    },
  });
  for (const part of [keeper, watch, loop]) part.start();
  const stop = () => Promise.all([loop, watch, keeper].map((part) => part.stop()));
  return { machine, clock, exchange, keeper, loop, record, notices, offMs, stop };
}

describe('the slots, while the clocks misbehave', () => {
  it.each([
    ['+1 h', HOUR],
    ['-2 h', -2 * HOUR],
    ['+1 d', 24 * HOUR],
  ])('T1: neither doubles nor skips a slot when the wall clock is set by %s', async (_, jumpMs) => {
    const { clock, record, notices, offMs, loop, stop } = startParts();
    await clock.advance(12 * MINUTE);
    clock.jump(jumpMs);
    await clock.advance(3 * HOUR);
    expect(record.slots).toEqual(slotsBetween(NOON, NOON + 3 * HOUR + 10 * MINUTE, FIVE));
    expect(Math.max(...offMs.map(Math.abs))).toBe(0);
    expect(loop.stats()).toMatchObject({ missedTotal: 0, lateTotal: 0 });
    expect(notices).toEqual([{ kind: 'clockJump', ms: jumpMs }]);
    await stop();
  });

  it('T1: neither doubles nor skips a slot while the wall clock jitters by up to a second either way', async () => {
    const { clock, record, offMs, stop } = startParts();
    const random = seededRandom(5);
    let shiftMs = 0;
    for (let second = 0; second < 2 * 3_600; second++) {
      const next = Math.round(random() * 2_000 - 1_000);
      clock.jump(next - shiftMs);
      shiftMs = next;
      await clock.advance(1_000);
    }
    expect(record.slots).toEqual(slotsBetween(NOON, NOON + 2 * HOUR, FIVE));
    expect(Math.max(...offMs.map(Math.abs))).toBe(0);
    await stop();
  });

  it.each([1.0005, 0.9995])(
    'T1: keeps to slots of an exchange whose clock runs %d times as fast as ours',
    async (rate) => {
      const { clock, record, offMs, stop } = startParts({ rate });
      await clock.advance(24 * HOUR);
      expect(record.slots).toEqual(slotsBetween(NOON, NOON + 24 * HOUR * rate, FIVE));
      // Ten minutes at 500 ppm, and half a round trip.
      expect(Math.max(...offMs.map(Math.abs))).toBeLessThanOrEqual(341);
      expect(record.missed).toEqual([]);
      await stop();
    },
  );

  it('P5: after 90 s of SIGSTOP across a slot runs it once, late, as resumed, and reports the pause', async () => {
    const { machine, clock, record, notices, stop } = startParts();
    await clock.advance(4 * MINUTE);
    await machine.stop(90_000);
    const after = record.ticks.slice(1);
    expect(after).toEqual([
      { slot: NOON + FIVE, firedAt: NOON + 330_000, delayMs: 30_000, late: true, missed: 0, reason: 'resume' },
    ]);
    expect(record.pauses).toEqual([89_000]);
    expect(notices).toEqual([{ kind: 'pause', ms: 89_000 }]);
    await clock.advance(10 * MINUTE);
    expect(record.ticks.slice(2).map(({ delayMs, reason }) => [delayMs, reason])).toEqual([
      [0, 'slot'],
      [0, 'slot'],
    ]);
    await stop();
  });

  it('P5: after a stop across many slots runs the newest alone, with no burst of timers behind it', async () => {
    const { machine, clock, record, stop } = startParts();
    await clock.advance(MINUTE);
    const timers = clock.pendingTimers;
    await machine.stop(62 * MINUTE);
    expect(record.ticks.slice(1)).toMatchObject([{ slot: NOON + HOUR, missed: 11, late: true, reason: 'resume' }]);
    expect(record.missed).toEqual([{ count: 11, from: NOON + FIVE, to: NOON + 11 * FIVE }]);
    await clock.advance(1_000);
    expect(clock.pendingTimers).toBe(timers);
    await stop();
  });

  it('P5: after a night of suspend, through which the monotonic clock slept, runs the newest slot as resumed', async () => {
    const { machine, clock, record, keeper, stop } = startParts();
    await clock.advance(MINUTE);
    machine.suspend(8 * HOUR + 3 * MINUTE);
    await clock.advance(3_000);
    expect(record.ticks.slice(1)).toMatchObject([{ slot: NOON + 8 * HOUR, missed: 95, reason: 'resume' }]);
    expect(record.pauses).toEqual([8 * HOUR + 3 * MINUTE]);
    expect(keeper.skewMs()).toBe(0);
    await stop();
  });

  it('P11: a main thread busy for 30 s across a slot runs it late; that is a lag and no pause', async () => {
    const { machine, clock, record, notices, exchange, stop } = startParts();
    await clock.advance(4 * MINUTE + 45_000);
    const asked = exchange.asked;
    await machine.work(30_000);
    await clock.advance(1_000);
    expect(record.ticks.slice(1)).toMatchObject([
      { slot: NOON + FIVE, delayMs: 15_000, late: true, missed: 0, reason: 'slot' },
    ]);
    expect(record.pauses).toEqual([]);
    expect(notices).toEqual([{ kind: 'lag', ms: 29_000 }]);
    expect(exchange.asked).toBe(asked);
    await stop();
  });

  it('runs on by its own clock for hours while the exchange does not tell the time', async () => {
    const { clock, exchange, record, stop } = startParts();
    exchange.faults.push(...Array.from({ length: 10_000 }, () => new Error('unreachable')));
    await clock.advance(3 * HOUR);
    expect(record.slots).toEqual(slotsBetween(NOON, NOON + 3 * HOUR, FIVE));
    await stop();
  });

  it('leaves no timer when everything is stopped right after a pause', async () => {
    const { machine, clock, stop } = startParts();
    await clock.advance(4 * MINUTE);
    machine.clock.stall(90_000);
    await stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { SlotLoop, type SlotLoopOptions } from '../../src/scheduler/slot-loop.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { LoopRecord, slotsBetween } from '../support/slot-loop.js';

const MINUTE = 60_000;
const MIDNIGHT = Date.UTC(2026, 0, 1);
const START = MIDNIGHT + 30_000;

/** A loop of one-minute slots, half a minute into one, by an exchange's clock that `shift` corrects. */
function startLoop({
  runMs = () => 0,
  ...options
}: Partial<SlotLoopOptions> & { runMs?: (run: number) => number } = {}) {
  const clock = new FakeClock(START);
  const record = new LoopRecord(clock, runMs);
  let correctionMs = 0;
  const { run, onMissed, onPause, onError } = record;
  const exchangeNow = () => START + clock.monotonic() + correctionMs;
  const loop = new SlotLoop({ base: '1m', clock, exchangeNow, run, onMissed, onPause, onError, ...options });
  loop.start();
  const shift = (byMs: number) => {
    correctionMs += byMs;
  };
  return { clock, record, loop, shift };
}

describe('SlotLoop', () => {
  it('runs the newest slot at once and then each slot when the exchange gets there', async () => {
    const { clock, record } = startLoop();
    await clock.advance(2 * MINUTE);
    const on = { delayMs: 0, late: false, missed: 0, reason: 'slot' };
    expect(record.ticks).toEqual([
      { slot: MIDNIGHT, firedAt: START, delayMs: 30_000, late: true, missed: 0, reason: 'start' },
      { slot: MIDNIGHT + MINUTE, firedAt: MIDNIGHT + MINUTE, ...on },
      { slot: MIDNIGHT + 2 * MINUTE, firedAt: MIDNIGHT + 2 * MINUTE, ...on },
    ]);
  });

  it('does not begin in the turn in which it is started', async () => {
    const { record } = startLoop();
    expect(record.ticks).toEqual([]);
    await settled();
    expect(record.ticks).toHaveLength(1);
  });

  it('begins weekly slots on Monday, 00:00 UTC', async () => {
    const { record } = startLoop({ base: '1w' });
    await settled();
    expect(record.slots).toEqual([Date.UTC(2025, 11, 29)]);
  });

  it('is late from the first millisecond beyond what is allowed', async () => {
    const { clock, record, loop, shift } = startLoop({ lateAfterMs: 1_700 });
    await clock.advance(29_000);
    shift(1_700);
    await clock.advance(1_000);
    shift(-1_700);
    await clock.advance(59_000);
    shift(1_701);
    await clock.advance(1_000);
    expect(record.ticks.slice(1).map(({ delayMs, late }) => [delayMs, late])).toEqual([
      [1_700, false],
      [1_701, true],
    ]);
    // The first one was late too.
    expect(loop.stats().lateTotal).toBe(2);
  });

  it('T3: a run longer than the period is never joined by a second one; the newest slot wins, the others are counted as missed', async () => {
    const { clock, record, loop } = startLoop({ runMs: () => 90_000 });
    await clock.advance(9 * MINUTE);
    // From 00:30 on a run ends every 90 s: 02:00, 03:30, 05:00, 06:30, 08:00, 09:30.
    expect(record.slots.map((slot) => (slot - MIDNIGHT) / MINUTE)).toEqual([0, 2, 3, 5, 6, 8, 9]);
    expect(record.missed.map(({ from, to, count }) => [from, to, count])).toEqual(
      [1, 4, 7].map((minute) => [MIDNIGHT + minute * MINUTE, MIDNIGHT + minute * MINUTE, 1]),
    );
    expect(record.ticks.map(({ missed }) => missed)).toEqual([0, 1, 0, 1, 0, 1, 0]);
    expect(record.ticks.map(({ delayMs }) => delayMs / 1_000)).toEqual([30, 0, 30, 0, 30, 0, 30]);
    expect(record.mostAtOnce).toBe(1);
    expect(loop.stats()).toMatchObject({ ticksTotal: 7, missedTotal: 3, lateTotal: 4, running: true });
  });

  it('T3: runs one slot after a run that took an hour, on time again with the next', async () => {
    const { clock, record } = startLoop({ runMs: (run) => (run === 1 ? 60 * MINUTE + 20_000 : 0) });
    await clock.advance(63 * MINUTE);
    expect(record.ticks.slice(1).map(({ delayMs, missed }) => [delayMs, missed])).toEqual([
      [0, 0],
      [20_000, 59],
      [0, 0],
      [0, 0],
    ]);
    expect(record.missed).toEqual([{ count: 59, from: MIDNIGHT + 2 * MINUTE, to: MIDNIGHT + 60 * MINUTE }]);
  });

  it('repeats no slot when the clock steps back, and goes on with the one after it', async () => {
    const { clock, record, shift } = startLoop();
    await clock.advance(30_000);
    shift(-300);
    await clock.advance(MINUTE);
    shift(-10 * MINUTE);
    await clock.advance(12 * MINUTE);
    expect(record.slots).toEqual(slotsBetween(MIDNIGHT, MIDNIGHT + 3 * MINUTE, MINUTE));
    expect(record.missed).toEqual([]);
  });

  it('counts what a clock stepping forward skips, within a second of the step', async () => {
    const { clock, record, shift } = startLoop();
    await clock.advance(5_000);
    shift(10 * MINUTE);
    await clock.advance(1_000);
    expect(record.ticks.at(-1)).toMatchObject({ slot: MIDNIGHT + 10 * MINUTE, missed: 9, reason: 'slot' });
    expect(record.missed).toEqual([{ count: 9, from: MIDNIGHT + MINUTE, to: MIDNIGHT + 9 * MINUTE }]);
  });

  it('reports a run that fails and goes on', async () => {
    const failure = new Error('ill');
    const { clock, record } = startLoop({ run: () => Promise.reject(failure) });
    await clock.advance(2 * MINUTE);
    expect(record.errors).toEqual([failure, failure, failure]);
  });

  it('goes on when a callback throws, the one for errors included', async () => {
    const fail = () => {
      throw new Error('ill');
    };
    let pausedMs = 0;
    const options = { onMissed: fail, onPause: fail, onError: fail, pausedMs: () => pausedMs };
    const { clock, record, shift } = startLoop(options);
    await clock.advance(1_000);
    pausedMs = 3_000;
    shift(2 * MINUTE);
    await clock.advance(2 * MINUTE);
    expect(record.slots.map((slot) => (slot - MIDNIGHT) / MINUTE)).toEqual([0, 2, 3, 4]);
  });

  it('says of the first run after a pause that it resumes, also when the pause was during a run', async () => {
    let pausedMs = 7_000;
    const { clock, record } = startLoop({ pausedMs: () => pausedMs, runMs: (run) => (run === 2 ? 10_000 : 0) });
    await clock.advance(31_000);
    pausedMs += 3_000;
    await clock.advance(MINUTE);
    pausedMs += 4_000;
    await clock.advance(2 * MINUTE);
    expect(record.ticks.map(({ reason }) => reason)).toEqual(['start', 'slot', 'resume', 'resume', 'slot']);
    expect(record.pauses).toEqual([3_000, 4_000]);
  });

  it('starts with its first run, also when the process was paused since the loop was built', async () => {
    let pausedMs = 0;
    const { record } = startLoop({ pausedMs: () => pausedMs });
    pausedMs = 3_000;
    await settled();
    expect(record.ticks.map(({ reason }) => reason)).toEqual(['start']);
    expect(record.pauses).toEqual([3_000]);
  });

  it('tells where it stands', async () => {
    const { clock, loop } = startLoop({ runMs: () => 5_000 });
    expect(loop.stats()).toMatchObject({ lastSlot: null, nextSlot: MIDNIGHT, running: false, ticksTotal: 0 });
    await clock.advance(1_000);
    expect(loop.stats()).toMatchObject({ lastSlot: MIDNIGHT, nextSlot: MIDNIGHT + MINUTE, running: true });
    await clock.advance(5_000);
    expect(loop.stats()).toMatchObject({ running: false, ticksTotal: 1 });
  });
});

describe('stopping a SlotLoop', () => {
  it('ends a wait at once and leaves no timer', async () => {
    const { clock, record, loop } = startLoop();
    await clock.advance(10_000);
    expect(clock.pendingTimers).toBe(1);
    await loop.stop();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(10 * MINUTE);
    expect(record.ticks).toHaveLength(1);
  });

  it('waits for the run under way, and resolves for everyone who asked', async () => {
    const { clock, record, loop } = startLoop({ runMs: () => 5_000, drainMs: 8_000 });
    await clock.advance(1_000);
    let stopped = 0;
    for (let ask = 0; ask < 2; ask++) void loop.stop().then(() => (stopped += 1));
    await clock.advance(3_999);
    expect([stopped, loop.stats().running]).toEqual([0, true]);
    await clock.advance(1);
    expect([stopped, loop.stats().running]).toEqual([2, false]);
    expect(record.errors).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends a run by its signal when the patience is over, which is no failure', async () => {
    const { clock, record, loop } = startLoop({ runMs: () => 10 * MINUTE, drainMs: 8_000 });
    await clock.advance(1_000);
    const stopping = loop.stop();
    await clock.advance(7_999);
    expect(loop.stats().running).toBe(true);
    await clock.advance(1);
    await stopping;
    expect(record.errors).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('begins no further slot when the run under way has lasted beyond one', async () => {
    const { clock, record, loop } = startLoop({ runMs: () => 90_000, drainMs: 10 * MINUTE });
    await clock.advance(80_000);
    const stopping = loop.stop();
    await clock.advance(10_000);
    await stopping;
    expect(record.ticks).toHaveLength(1);
  });

  it('runs nothing when stopped in the turn of its start, and is not started again', async () => {
    const { clock, record, loop } = startLoop();
    await loop.stop();
    expect(record.ticks).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    expect(() => loop.start()).toThrow('cannot be started again');
  });

  it('may be stopped before it was started', async () => {
    const clock = new FakeClock(START);
    const loop = new SlotLoop({ base: '5m', clock, exchangeNow: () => START, run: () => Promise.resolve() });
    await loop.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

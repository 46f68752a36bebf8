import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { deadlineSignal } from '../../src/scheduler/deadline.js';
import { FakeClock } from '../support/fake-clock.js';

const listeners = ({ signal }: AbortController) => getEventListeners(signal, 'abort').length;

describe('deadlineSignal', () => {
  it.each([
    [0, 'deadline'],
    [3, 'throttled'],
  ])('fires when the time is over, and with %i requests waiting for weight blames the %s', async (waiting, kind) => {
    const clock = new FakeClock();
    const deadline = deadlineSignal(clock, 1_000, { waiting });
    await clock.advance(999);
    expect(deadline.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(deadline.signal.reason).toMatchObject({ kind });
  });

  it('fires with whoever stops it, for the same reason, also when that was before', () => {
    const stop = new AbortController();
    const reason = new Error('stopped');
    const during = deadlineSignal(new FakeClock(), 1_000, { waiting: 0 }, stop.signal);
    expect(during.signal.aborted).toBe(false);
    stop.abort(reason);
    expect(during.signal.reason).toBe(reason);
    expect(deadlineSignal(new FakeClock(), 1_000, { waiting: 0 }, stop.signal).signal.reason).toBe(reason);
  });

  it('can be given more time from now, until it has passed', async () => {
    const clock = new FakeClock();
    const deadline = deadlineSignal(clock, 1_000, { waiting: 0 });
    await clock.advance(900);
    deadline.restart(500);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(499);
    expect(deadline.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(deadline.signal.aborted).toBe(true);
    deadline.cancel();
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves neither timer nor listener when it is cancelled, however often, and does not fire any more', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    for (let cycle = 0; cycle < 50; cycle++) {
      const deadline = deadlineSignal(clock, 1_000, { waiting: 0 }, stop.signal);
      expect([listeners(stop), clock.pendingTimers]).toEqual([1, 1]);
      if (cycle % 2 === 0) await clock.advance(1_000);
      deadline.cancel();
      deadline.cancel();
      expect([listeners(stop), clock.pendingTimers]).toEqual([0, 0]);
    }
    const cancelled = deadlineSignal(clock, 1_000, { waiting: 0 }, stop.signal);
    cancelled.cancel();
    await clock.advance(2_000);
    stop.abort();
    expect(cancelled.signal.aborted).toBe(false);
  });
});

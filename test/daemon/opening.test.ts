import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { openAtLast } from '../../src/daemon/opening.js';
import type { Releasers } from '../../src/lib/releasers.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { deferred } from '../support/slots.js';

function start(attempt: (releasers: Releasers, number: number) => Promise<void>) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const failures: string[] = [];
  const released: number[] = [];
  let attempts = 0;
  const opened = openAtLast(
    async (releasers) => {
      attempts += 1;
      const number = attempts;
      releasers.push(() => void released.push(number));
      await attempt(releasers, number);
    },
    { clock, random: () => 0.999, signal: stop.signal, onFailure: (error) => failures.push(String(error)) },
  );
  return { clock, stop, failures, released, opened, attempts: () => attempts };
}

describe('openAtLast', () => {
  it('tries again until it succeeds, releasing what each failed attempt acquired, and hands over the rest', async () => {
    const { clock, failures, released, opened } = start(async (_, number) => {
      if (number < 4) throw new Error(`no ${number}`);
    });
    await clock.advance(10_000);
    const releasers = await opened;
    expect(failures).toEqual(['Error: no 1', 'Error: no 2', 'Error: no 3']);
    expect(released).toEqual([1, 2, 3]);
    await releasers?.release();
    expect(released).toEqual([1, 2, 3, 4]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes on for hours, once a minute', async () => {
    const { clock, stop, opened, attempts } = start(() => Promise.reject(new Error('no')));
    await clock.advance(3_600_000);
    const anHour = attempts();
    await clock.advance(3_600_000);
    expect(attempts() - anHour).toBeGreaterThanOrEqual(59);
    expect(attempts() - anHour).toBeLessThanOrEqual(61);
    stop.abort();
    expect(await opened).toBeNull();
    expect([clock.pendingTimers, getEventListeners(stop.signal, 'abort').length]).toEqual([0, 0]);
  });

  it('releases what was opened when it was stopped during the attempt, and complains of nothing', async () => {
    const gate = deferred();
    const { stop, failures, released, opened, clock } = start(() => gate.promise);
    await settled();
    stop.abort();
    gate.resolve();
    expect(await opened).toBeNull();
    expect([failures, released, clock.pendingTimers]).toEqual([[], [1], 0]);
  });

  it('tells of what could not be released, and tries again all the same', async () => {
    const { clock, failures, opened } = start(async (releasers, number) => {
      if (number > 1) return;
      releasers.push(() => Promise.reject(new Error('stuck')));
      throw new Error('no');
    });
    await clock.advance(2_000);
    expect(await opened).not.toBeNull();
    expect(failures).toEqual(['AggregateError: not everything could be released', 'Error: no']);
  });
});

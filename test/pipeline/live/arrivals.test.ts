import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Arrivals } from '../../../src/pipeline/live/arrivals.js';
import type { SeriesKey } from '../../../src/pipeline/source.js';
import { FakeClock, settled } from '../../support/fake-clock.js';

const A = { symbol: 'AUSDT', timeframe: '5m' } as const;
const A15 = { symbol: 'AUSDT', timeframe: '15m' } as const;
const B = { symbol: 'BUSDT', timeframe: '5m' } as const;

function build() {
  const clock = new FakeClock();
  const arrivals = new Arrivals(clock);
  const deadline = new AbortController();
  const there = new Set<SeriesKey>();
  let done = false;
  const wait = (keys: readonly SeriesKey[], patienceMs = 1_000) => {
    void (async () => {
      await arrivals.wait(keys, (key) => there.has(key), patienceMs, deadline.signal);
      done = true;
    })();
  };
  const leftovers = () => [clock.pendingTimers, getEventListeners(deadline.signal, 'abort').length];
  return { clock, arrivals, deadline, there, wait, leftovers, isDone: () => settled().then(() => done) };
}

describe('Arrivals', () => {
  it('ends a wait when its last key is there, and leaves nothing behind', async () => {
    const { arrivals, there, wait, leftovers, isDone } = build();
    wait([A, A15, B]);
    there.add(A);
    arrivals.arrived('AUSDT');
    there.add(B);
    arrivals.arrived('BUSDT');
    arrivals.arrived('CUSDT');
    expect(await isDone()).toBe(false);
    there.add(A15);
    arrivals.arrived('AUSDT');
    expect(await isDone()).toBe(true);
    expect(leftovers()).toEqual([0, 0]);
  });

  it('ends a wait when its patience is over, on the deadline, and on close', async () => {
    for (const end of ['patience', 'deadline', 'close']) {
      const { clock, arrivals, deadline, wait, leftovers, isDone } = build();
      wait([A]);
      await clock.advance(999);
      expect(await isDone()).toBe(false);
      if (end === 'patience') await clock.advance(1);
      else if (end === 'deadline') deadline.abort(new Error('deadline'));
      else arrivals.close();
      expect(await isDone(), end).toBe(true);
      expect(leftovers()).toEqual([0, 0]);
    }
  });

  it('does not wait at all for nothing, without patience, or after the deadline', async () => {
    for (const [keys, patienceMs] of [
      [[], 1_000],
      [[A], 0],
      [[A], -5],
    ] as const) {
      const { wait, leftovers, isDone } = build();
      wait(keys, patienceMs);
      expect(await isDone()).toBe(true);
      expect(leftovers()).toEqual([0, 0]);
    }
    const { deadline, wait, leftovers, isDone } = build();
    deadline.abort(new Error('deadline'));
    wait([A]);
    expect(await isDone()).toBe(true);
    expect(leftovers()).toEqual([0, 0]);
  });
});

import { describe, expect, it } from 'vitest';
import { zeroCounts } from '../../../src/pipeline/live/counts.js';
import { Repairs } from '../../../src/pipeline/live/repairs.js';
import type { CandleSource, SeriesKey, SeriesOutcome } from '../../../src/pipeline/source.js';
import { settled } from '../../support/fake-clock.js';

interface Fill {
  readonly symbols: readonly string[];
  readonly slot: number;
  readonly signal: AbortSignal;
  readonly settle: (skip?: SeriesOutcome['skip'], cutBy?: SeriesOutcome['cutBy']) => void;
  readonly fail: (error: unknown) => void;
}

function build() {
  const fills: Fill[] = [];
  const errors: unknown[] = [];
  const counts = zeroCounts();
  const source: CandleSource = {
    name: 'rest',
    fill: (wanted: readonly SeriesKey[], slot, signal) =>
      new Promise((resolve, reject) => {
        const settle: Fill['settle'] = (skip = null, cutBy = null) =>
          resolve(
            wanted.map((key) => ({
              ...key,
              added: 1,
              revised: 0,
              refused: new Map(),
              skip,
              cutBy,
              gap: 'none' as const,
            })),
          );
        signal.addEventListener('abort', () => settle('timeout'), { once: true });
        fills.push({ symbols: wanted.map(({ symbol }) => symbol), slot, signal, settle, fail: reject });
      }),
  };
  const unrepaired: (readonly [readonly string[], number])[] = [];
  const repairs = new Repairs({
    source,
    base: '5m',
    counts,
    onUnrepaired: (symbols, slot) => unrepaired.push([symbols, slot]),
    onError: (error) => errors.push(error),
  });
  return { repairs, fills, errors, counts, unrepaired };
}

describe('Repairs', () => {
  it('asks for the holes of one burst together, each series once, up to its newest slot', async () => {
    const { repairs, fills, counts } = build();
    repairs.request('AUSDT', 600);
    repairs.request('BUSDT', 300);
    repairs.request('AUSDT', 300);
    await settled();
    expect(fills.map(({ symbols, slot }) => [symbols, slot])).toEqual([
      [['AUSDT'], 600],
      [['BUSDT'], 300],
    ]);
    for (const { settle } of fills) settle();
    await settled();
    expect(counts.gaps).toEqual({ repaired: 2, unrepaired: 0 });
  });

  it('queues what shows during a pass, however often, for one more', async () => {
    const { repairs, fills } = build();
    repairs.request('AUSDT', 300);
    await settled();
    for (let slot = 600; slot <= 6_000; slot += 300) repairs.request('AUSDT', slot);
    await settled();
    expect(fills).toHaveLength(1);
    fills[0]?.settle();
    await settled();
    expect(fills.slice(1).map(({ symbols, slot }) => [symbols, slot])).toEqual([[['AUSDT'], 6_000]]);
  });

  it('counts what stays missing, and a hole that the exchange itself has, as unrepaired, and names it', async () => {
    const { repairs, fills, counts, unrepaired } = build();
    repairs.request('AUSDT', 300);
    await settled();
    fills[0]?.settle('timeout');
    await settled();
    repairs.request('AUSDT', 600);
    await settled();
    fills[1]?.settle(null, 'gap');
    await settled();
    expect(counts.gaps).toEqual({ repaired: 0, unrepaired: 2 });
    expect(unrepaired).toEqual([
      [['AUSDT'], 300],
      [['AUSDT'], 600],
    ]);
  });

  it('reports what the source did not expect, and goes on with the next', async () => {
    const { repairs, fills, errors } = build();
    repairs.request('AUSDT', 300);
    await settled();
    fills[0]?.fail(new TypeError('a bug'));
    await settled();
    expect(errors).toEqual([new TypeError('a bug')]);
    repairs.request('AUSDT', 600);
    await settled();
    expect(fills).toHaveLength(2);
  });

  it('stops the pass under way, waits for it, and asks for nothing more', async () => {
    const { repairs, fills, unrepaired } = build();
    repairs.request('AUSDT', 300);
    await settled();
    repairs.request('BUSDT', 300);
    await repairs.stop();
    expect(unrepaired).toEqual([]);
    expect(fills[0]?.signal.aborted).toBe(true);
    repairs.request('CUSDT', 300);
    await settled();
    expect(fills).toHaveLength(1);
    await repairs.stop();
  });
});

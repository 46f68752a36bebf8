import { describe, expect, it } from 'vitest';
import { runProvisional } from '../../src/scheduler/provisional.js';
import { FakePool, SLOT, seriesAt } from '../support/slots.js';

const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT', 'DUSDT', 'EUSDT'];

function build() {
  const pool = new FakePool();
  const published: string[][] = [];
  const stop = new AbortController();
  const after = { batch: () => {} };
  const unknown = new Set<string>();
  const parts = {
    windowsOf: (symbol: string) => (unknown.has(symbol) ? null : [seriesAt(symbol, '5m', 101).window()]),
    analyze: pool.analyze,
    size: 2,
    onBatch: async (_: unknown, windows: readonly { readonly symbol: string }[]) => {
      published.push(windows.map(({ symbol }) => symbol));
      after.batch();
    },
  };
  return { pool, published, stop, unknown, after, run: () => runProvisional(parts, SLOT, SYMBOLS, stop.signal) };
}

describe('runProvisional', () => {
  it('takes one batch after another, in the order given', async () => {
    const { pool, published, run } = build();
    let underWay = 0;
    pool.before = async () => {
      underWay += 1;
      expect(underWay).toBe(1);
      await Promise.resolve();
      underWay -= 1;
    };
    await run();
    expect(published).toEqual([['AUSDT', 'BUSDT'], ['CUSDT', 'DUSDT'], ['EUSDT']]);
  });

  it('leaves out symbols of which nothing is known, and batches of nothing else', async () => {
    const { pool, published, unknown, run } = build();
    for (const symbol of ['AUSDT', 'CUSDT', 'DUSDT']) unknown.add(symbol);
    await run();
    expect(published).toEqual([['BUSDT'], ['EUSDT']]);
    expect(pool.asked).toEqual([['BUSDT'], ['EUSDT']]);
  });

  it('looks at a symbol when its batch begins, not before', async () => {
    const { pool, published, unknown, run } = build();
    pool.before = async () => void unknown.add('CUSDT');
    await run();
    expect(published.flat()).toEqual(['AUSDT', 'BUSDT', 'DUSDT', 'EUSDT']);
  });

  it('ends between two batches when its signal fires, and rejects in the middle of one', async () => {
    const between = build();
    between.after.batch = () => between.stop.abort(new Error('final'));
    await between.run();
    expect(between.published).toEqual([['AUSDT', 'BUSDT']]);

    const within = build();
    within.pool.before = async () => within.stop.abort(new Error('final'));
    await expect(within.run()).rejects.toThrow('final');
    expect(within.published).toEqual([]);
  });
});

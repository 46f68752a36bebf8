import { describe, expect, it } from 'vitest';
import { type Lineage, lineageDigest, ResultCache } from '../../src/cache/results.js';

const LINEAGE: Lineage = {
  analyzer: 'trend',
  version: '1.0.0',
  parameters: { fast: 12, slow: 26 },
  dependencies: ['a', 'b'],
};

describe('lineage', () => {
  it('is the same whatever the order of parameters and dependencies', () => {
    const other = { ...LINEAGE, parameters: { slow: 26, fast: 12 }, dependencies: ['b', 'a'] };
    expect(lineageDigest(other)).toBe(lineageDigest(LINEAGE));
    expect(lineageDigest(LINEAGE)).toMatch(/^[0-9a-f]{32}$/);
  });

  it('differs when anything that a result depends on differs', () => {
    const others: Lineage[] = [
      { ...LINEAGE, analyzer: 'trends' },
      { ...LINEAGE, version: '1.0.1' },
      { ...LINEAGE, parameters: { fast: 12, slow: 27 } },
      { ...LINEAGE, parameters: { fast: 12 } },
      { ...LINEAGE, parameters: { fast: 12, slow: Number.NaN } },
      { ...LINEAGE, dependencies: ['a'] },
      { ...LINEAGE, dependencies: ['ab'] },
    ];
    expect(new Set([LINEAGE, ...others].map(lineageDigest)).size).toBe(others.length + 1);
  });
});

describe('ResultCache', () => {
  const held = { inputs: ['a', 'b'], result: { direction: 'long' } };

  it('gives a result back only for the same subject, lineage and number of inputs, and says which of them are the same', () => {
    const results = new ResultCache<{ direction: string }>({ maxEntries: 10 });
    results.set('BTCUSDT', 'x', held);
    expect(results.get('BTCUSDT', 'x', ['a', 'b'])).toEqual({ result: held.result, same: [true, true] });
    expect(results.get('BTCUSDT', 'x', ['c', 'b'])?.same).toEqual([false, true]);
    expect(results.get('BTCUSDT', 'x', ['b', 'a'])?.same).toEqual([false, false]);
    expect(results.stats()).toEqual({ hits: 3, misses: 3, entries: 1 });
    expect(results.get('BTCUSDT', 'x', ['a'])).toBeNull();
    expect(results.get('BTCUSDT', 'y', ['a', 'b'])).toBeNull();
    expect(results.get('ETHUSDT', 'x', ['a', 'b'])).toBeNull();
    expect(results.stats()).toEqual({ hits: 3, misses: 8, entries: 1 });
  });

  it('holds the newest result of a subject', () => {
    const results = new ResultCache<object>({ maxEntries: 10 });
    results.set('BTCUSDT', 'x', held);
    results.set('BTCUSDT', 'x', { inputs: ['c', 'b'], result: { newest: true } });
    expect(results.get('BTCUSDT', 'x', ['c', 'b'])?.result).toEqual({ newest: true });
    expect(results.get('BTCUSDT', 'x', ['a', 'b'])?.same).toEqual([false, true]);
  });

  it('holds nothing when it is cleared, and can be filled again', () => {
    const results = new ResultCache<object>({ maxEntries: 2 });
    results.set('BTCUSDT', 'x', held);
    results.clear();
    expect(results.get('BTCUSDT', 'x', ['a', 'b'])).toBeNull();
    expect(results.stats()).toEqual({ hits: 0, misses: 2, entries: 0 });
    results.set('BTCUSDT', 'x', held);
    expect(results.get('BTCUSDT', 'x', ['a', 'b'])).not.toBeNull();
  });

  it('holds no more than its entries, least recently used out first', () => {
    const results = new ResultCache<object>({ maxEntries: 2 });
    for (const subject of ['a', 'b']) results.set(subject, 'x', held);
    results.get('a', 'x', ['a', 'b']);
    results.set('c', 'x', held);
    expect(['a', 'b', 'c'].map((subject) => results.get(subject, 'x', ['a', 'b']) !== null)).toEqual([
      true,
      false,
      true,
    ]);
    expect(() => new ResultCache({ maxEntries: 0 })).toThrow(RangeError);
  });

  it('lists what it holds of a lineage', () => {
    const results = new ResultCache<object>({ maxEntries: 10 });
    results.set('a', 'x', held);
    results.set('b', 'y', held);
    expect([...results.entries('x')]).toEqual([['a', held]]);
  });
});

import { describe, expect, it } from 'vitest';
import { type Lineage, lineageDigest, ResultCache, windowDigest } from '../../src/cache/results.js';
import { Series } from '../../src/domain/series.js';
import { contentOf, NOW, randomSeries } from '../support/cache.js';

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

describe('window digest', () => {
  it('is the same for the same candles in another buffer and from other sources', () => {
    const series = randomSeries('BTCUSDT', '5m');
    const copy = new Series('BTCUSDT', '5m', 60, 7);
    const { openTime = [], open = [], high = [], low = [], close = [], volume = [] } = contentOf(series);
    openTime.forEach((time, i) => {
      const row = [time, open[i], high[i], low[i], close[i], volume[i]] as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      expect(copy.append(row, 'rest', NOW)).toBeNull();
    });
    expect(windowDigest(copy.window())).toBe(windowDigest(series.window()));
  });

  it('differs by symbol, timeframe, length and any value, and does not change for a window that was handed out', () => {
    const series = randomSeries('BTCUSDT', '5m');
    const held = series.window();
    const digest = windowDigest(held);
    const others = [
      windowDigest(randomSeries('ETHUSDT', '5m').window()),
      windowDigest(randomSeries('BTCUSDT', '15m').window()),
      windowDigest(series.window({ count: 59 })),
    ];
    expect(series.revise([series.lastOpenTime as number, 9, 9, 9, 9, 9], 'rest', NOW)).toBe('revised');
    others.push(windowDigest(series.window()));
    expect(new Set([digest, ...others]).size).toBe(5);
    expect(windowDigest(held)).toBe(digest);
  });
});

describe('window digest of a buffer', () => {
  it('is right for whichever of its windows is asked for, in any order', () => {
    const series = randomSeries('BTCUSDT', '5m', { count: 60, lookback: 40 });
    const windows = [40, 39, 40, 7, 39, 7].map((count) => series.window({ count }));
    const copies = windows.map(({ length }) => series.copy().window({ count: length }));
    expect(windows.map(windowDigest)).toEqual(copies.map(windowDigest));
    expect(new Set(windows.map(windowDigest)).size).toBe(3);
  });
});

describe('ResultCache', () => {
  it('gives a result back only for the same lineage and the same candles, in the same order', () => {
    const [a, b] = [randomSeries('BTCUSDT', '5m').window(), randomSeries('BTCUSDT', '15m').window()];
    const results = new ResultCache<{ direction: string }>({ maxEntries: 10 });
    const result = { direction: 'long' };
    results.set('x', [a, b], result);
    expect(results.get('x', [a, b])).toBe(result);
    expect([results.get('y', [a, b]), results.get('x', [a]), results.get('x', [b, a])]).toEqual([null, null, null]);
    expect(results.stats()).toEqual({ hits: 1, misses: 3, entries: 1 });
  });

  it('holds nothing when it is cleared, and can be filled again', () => {
    const window = randomSeries('BTCUSDT', '5m').window();
    const results = new ResultCache<object>({ maxEntries: 2 });
    results.set('a', [window], {});
    results.clear();
    expect(results.get('a', [window])).toBeNull();
    expect(results.stats()).toEqual({ hits: 0, misses: 1, entries: 0 });
    results.set('a', [window], {});
    expect(results.get('a', [window])).not.toBeNull();
  });

  it('holds no more than its entries, least recently used out first', () => {
    const window = randomSeries('BTCUSDT', '5m').window();
    const results = new ResultCache<object>({ maxEntries: 2 });
    for (const lineage of ['a', 'b']) results.set(lineage, [window], {});
    results.get('a', [window]);
    results.set('c', [window], {});
    expect(['a', 'b', 'c'].map((lineage) => results.get(lineage, [window]) !== null)).toEqual([true, false, true]);
    expect(() => new ResultCache({ maxEntries: 0 })).toThrow(RangeError);
  });
});

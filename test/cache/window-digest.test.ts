import { describe, expect, it } from 'vitest';
import { computeDigest, noteDigest, windowDigest } from '../../src/cache/window-digest.js';
import { Series } from '../../src/domain/series.js';
import { contentOf, NOW, randomSeries } from '../support/cache.js';

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

  it('is taken over for the candles that it was computed of, and for no others', () => {
    const series = randomSeries('BTCUSDT', '5m', { count: 60, lookback: 40 });
    const [whole, part] = [series.window(), series.window({ count: 39 })];
    const digest = computeDigest(whole);
    noteDigest(whole, 'noted');
    expect(windowDigest(whole)).toBe('noted');
    expect(computeDigest(whole)).toBe(digest);
    expect(windowDigest(part)).toBe(computeDigest(part));
  });
});

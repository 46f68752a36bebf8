import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/cache/codec/record.js';
import { SEGMENTS_PER_TIMEFRAME, segmentKey, segmentTimeframe } from '../../src/cache/keys.js';
import type { Series } from '../../src/domain/series.js';
import {
  contentOf,
  expectServed,
  keysOf,
  market,
  NOW,
  openCache,
  openStore,
  randomSeries,
  temporaryDir,
  watchedDisk,
} from '../support/cache.js';
import { FakeClock, MINUTE } from '../support/fake-clock.js';

describe('segment keys', () => {
  it('depend on the key alone and spread a market over all segments', () => {
    const keys = market(200).map((series) => segmentKey('sim', series));
    expect(new Set(keys).size).toBe(3 * SEGMENTS_PER_TIMEFRAME);
    expect(segmentKey('sim', { symbol: 'BTCUSDT', timeframe: '5m' })).toBe('series/sim/5m/3');
    expect(segmentTimeframe('series/sim/5m/a')).toBe('5m');
    expect(segmentTimeframe('series/sim/7m/a')).toBeNull();
    expect(segmentTimeframe('pacote:tarball:x')).toBeNull();
  });
});

describe('CandleCache', () => {
  it('serves a whole market after a restart exactly as it was put', async () => {
    const dir = temporaryDir();
    const series = market(40);
    const first = await openCache(dir);
    for (const one of series) first.put(one);
    await first.stop();

    const second = await openCache(dir);
    const progress: number[] = [];
    const report = await second.load(keysOf(series), { onProgress: ({ done }) => progress.push(done) });
    expect(report).toEqual({ loaded: 120, missing: 0 });
    expectServed(second, series);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(120);
    expect(second.stats()).toMatchObject({
      l1: { hits: 0, misses: 120, entries: 120 },
      l2: { hits: 120, misses: 0, stale: 0, errors: 0, corrupt: {} },
      dirtySeries: 0,
    });
  });

  it('gives a series that was never there as null, counted as a miss in both tiers', async () => {
    const cache = await openCache(temporaryDir());
    expect(await cache.get('BTCUSDT', '5m')).toBeNull();
    expect(cache.stats()).toMatchObject({ l1: { misses: 1 }, l2: { misses: 1 } });
  });

  it('reads a series that memory let go of from disk, once for all who ask', async () => {
    const { seen, disk } = watchedDisk();
    const dir = temporaryDir();
    const store = await openStore(dir, { disk });
    const series = randomSeries('BTCUSDT', '5m');
    const writer = await openCache(dir, { store });
    writer.put(series);
    await writer.flush();
    const cache = await openCache(dir, { store });
    const [a, b] = await Promise.all([cache.get('BTCUSDT', '5m'), cache.get('BTCUSDT', '5m')]);
    expect(a).toBe(b);
    expect(contentOf(a as Series)).toEqual(contentOf(series));
    expect(await cache.get('BTCUSDT', '5m')).toBe(a);
    expect(seen.reads).toBe(1);
  });

  it('drops what is so old that nothing of the window is left, and keeps what only needs its gap filled (D8)', async () => {
    const dir = temporaryDir();
    const series = market(1);
    const cache = await openCache(dir);
    for (const one of series) cache.put(one);
    await cache.stop();
    // 60 candles of 5m are 5 hours; of 15m 15 hours; of 1h 60 hours.
    const later = await openCache(dir, { clock: new FakeClock(NOW + 48 * 60 * MINUTE) });
    expect(await later.load(keysOf(series))).toEqual({ loaded: 1, missing: 2 });
    expect(later.peek('S0USDT', '1h')?.lastOpenTime).toBe(series[2]?.lastOpenTime);
    expect(later.stats().l2).toMatchObject({ hits: 1, stale: 2 });
  });

  it('does not serve a sound segment whose candles break the rules of a series (D8)', async () => {
    const dir = temporaryDir();
    const store = await openStore(dir);
    const series = randomSeries('BTCUSDT', '5m', { until: NOW + 24 * 60 * MINUTE });
    await store.write(segmentKey('sim', series), new Map([['BTCUSDT', encodeRecord(series.window())]]));
    const cache = await openCache(dir, { store });
    expect(await cache.get('BTCUSDT', '5m')).toBeNull();
    expect(cache.stats().l2).toMatchObject({ errors: 1, hits: 0 });
  });

  it('counts what is loaded ahead of need for the disk alone, so that a series asked for is counted once', async () => {
    const dir = temporaryDir();
    const series = market(4);
    const first = await openCache(dir);
    for (const one of series) first.put(one);
    await first.stop();
    const cache = await openCache(dir);
    expect(await cache.load(keysOf(series), { ahead: true })).toEqual({ loaded: 12, missing: 0 });
    expect(cache.stats()).toMatchObject({ l1: { hits: 0, misses: 0 }, l2: { hits: 12, misses: 0 } });
    for (const { symbol, timeframe } of series) cache.touch(symbol, timeframe);
    expect(cache.stats()).toMatchObject({ l1: { hits: 12, misses: 0 }, l2: { hits: 12, misses: 0 } });
    expect(await cache.load(keysOf(series), { ahead: true })).toEqual({ loaded: 12, missing: 0 });
    expect(cache.stats()).toMatchObject({ l1: { hits: 12, misses: 0 }, l2: { hits: 12, misses: 0 } });
    await cache.stop();
  });

  it('loads the hottest first and stops when asked', async () => {
    const dir = temporaryDir();
    const series = market(60).filter(({ timeframe }) => timeframe === '5m');
    const first = await openCache(dir);
    for (const one of series) first.put(one);
    await first.stop();
    const controller = new AbortController();
    const cache = await openCache(dir);
    const hottest = series.at(-1) as Series;
    let segments = 0;
    const load = cache.load(keysOf(series.toReversed()), {
      signal: controller.signal,
      onProgress: () => {
        segments += 1;
        controller.abort(new Error('enough'));
      },
    });
    await expect(load).rejects.toThrow('enough');
    await cache.stop();
    expectServed(cache, [hottest]);
    expect(segments).toBeLessThan(SEGMENTS_PER_TIMEFRAME);
    expect(cache.stats().l1.entries).toBeLessThan(60);
  });
});

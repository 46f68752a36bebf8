import { rmSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { encodeRecord } from '../../src/cache/codec/record.js';
import { cacacheDisk, type Disk } from '../../src/cache/disk.js';
import { SEGMENTS_PER_TIMEFRAME, segmentKey, segmentTimeframe } from '../../src/cache/keys.js';
import type { CandleCache } from '../../src/cache/tiers.js';
import type { Series } from '../../src/domain/series.js';
import type { Timeframe } from '../../src/domain/timeframe.js';
import { contentOf, NOW, openCache, openStore, randomSeries, temporaryDir } from '../support/cache.js';
import { FakeClock } from '../support/fake-clock.js';

const TIMEFRAMES: readonly Timeframe[] = ['5m', '15m', '1h'];
const MINUTE = 60_000;

/** `symbols` x three timeframes. */
function market(symbols: number, until = NOW): Series[] {
  return Array.from({ length: symbols }, (_, seed) =>
    TIMEFRAMES.map((timeframe) => randomSeries(`S${seed}USDT`, timeframe, { seed, until })),
  ).flat();
}

const keysOf = (series: readonly Series[]) => series.map(({ symbol, timeframe }) => ({ symbol, timeframe }));

/** Appends the candle that closes next. */
function extend(series: Series): void {
  const openTime = (series.lastOpenTime as number) + 5 * MINUTE;
  expect(series.append([openTime, 5, 5, 5, 5, 1], 'stream', openTime + 5 * MINUTE)).toBeNull();
}

function expectServed(cache: CandleCache, series: readonly Series[]): void {
  for (const one of series) {
    const held = cache.peek(one.symbol, one.timeframe);
    expect(held === null ? null : contentOf(held)).toEqual(contentOf(one));
  }
}

/** A disk whose reads and writes are counted, and whose writes fail while `broken`. */
function watchedDisk() {
  const seen = { reads: 0, writes: [] as string[], broken: false };
  const disk: Disk = {
    ...cacacheDisk,
    read: (...args) => {
      seen.reads += 1;
      return cacacheDisk.read(...args);
    },
    write: (...args) => {
      if (seen.broken) return Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
      seen.writes.push(args[1]);
      return cacacheDisk.write(...args);
    },
  };
  return { seen, disk };
}

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

  it('lets go of what is on disk and not wanted when it shrinks, and of nothing else', async () => {
    const series = market(10);
    const cache = await openCache(temporaryDir());
    for (const one of series) cache.put(one);
    await cache.flush();
    const unsaved = randomSeries('NEWUSDT', '5m', { seed: 99 });
    cache.put(unsaved);
    const before = cache.stats().l1;
    const wanted = new Set(['S0USDT', 'S1USDT', 'S2USDT']);
    const report = cache.shrink(({ symbol }) => wanted.has(symbol));
    const { l1 } = cache.stats();
    expect(report).toEqual({ series: 7 * 3, bytes: before.bytes - l1.bytes });
    const kept = [...series.filter(({ symbol }) => wanted.has(symbol)), unsaved];
    expectServed(cache, kept);
    expect(l1).toMatchObject({ entries: 10, bytes: kept.reduce((sum, { byteLength }) => sum + byteLength, 0) });
    expect(l1.bytes).toBeLessThan(0.85 * 10 * (before.bytes / 31));

    // Asked for again, they come back from disk as they were.
    for (const { symbol, timeframe } of series) await cache.get(symbol, timeframe);
    expectServed(cache, [...series, unsaved]);
    expect(cache.stats().l2).toMatchObject({ hits: 7 * 3, misses: 0 });
  });

  it('keeps taking less memory until it relaxes, whatever is appended and put, and loses no candle', async () => {
    const dir = temporaryDir();
    const clock = new FakeClock(NOW);
    const cache = await openCache(dir, { clock });
    const [series] = market(1) as [Series];
    cache.put(series);
    const roomy = cache.stats().l1.bytes;
    cache.shrink(() => true);
    const late = randomSeries('LATEUSDT', '5m', { seed: 5 });
    for (let slot = 0; slot < 100; slot++) {
      await clock.advance(5 * MINUTE);
      extend(series);
      cache.put(series);
      if (slot === 50) cache.put(late);
      if (slot % 7 === 0) await cache.flush();
      expect(cache.stats().l1.bytes / cache.stats().l1.entries).toBeLessThan(0.85 * roomy);
    }
    cache.relax();
    for (let slot = 0; slot < 3; slot++) {
      await clock.advance(5 * MINUTE);
      extend(series);
      cache.put(series);
    }
    expect(series.byteLength).toBe(roomy);
    expect(cache.stats().l1.bytes).toBe(roomy + late.byteLength);
    await cache.stop();
    const again = await openCache(dir, { clock });
    expect(contentOf((await again.get(series.symbol, '5m')) as Series)).toEqual(contentOf(series));
  });

  it('knows how much is unsaved also when series shrink meanwhile', async () => {
    const series = randomSeries('BTCUSDT', '5m');
    const cache = await openCache(temporaryDir(), { l1MaxBytes: series.byteLength + 1_000 });
    const last = series.lastOpenTime as number;
    for (let round = 0; round < 40; round++) {
      cache.relax();
      series.revise([last, 9, 9, 9, 9, round], 'rest', last + 5 * MINUTE);
      cache.put(series);
      cache.shrink(() => true);
      await new Promise(setImmediate);
      // A count that drifts would soon write without being asked, and give up series.
      expect(cache.stats()).toMatchObject({ dirtySeries: 1, droppedSeries: 0 });
      expect(await cache.flush()).toMatchObject({ segments: 1, failed: 0 });
    }
  });

  it('writes only segments in which something changed', async () => {
    const { seen, disk } = watchedDisk();
    const dir = temporaryDir();
    const cache = await openCache(dir, { store: await openStore(dir, { disk }) });
    const series = market(20);
    for (const one of series) cache.put(one);
    await cache.flush();
    seen.writes.length = 0;
    expect(await cache.flush()).toMatchObject({ segments: 0, series: 0, failed: 0 });
    for (const one of series) cache.put(one);
    expect(cache.stats().dirtySeries).toBe(0);

    const changed = series[0] as Series;
    extend(changed);
    cache.put(changed);
    expect(cache.stats().dirtySeries).toBe(1);
    await cache.flush();
    expect(seen.writes).toEqual([segmentKey('sim', changed)]);
    const again = await openCache(dir, { clock: new FakeClock(NOW + 5 * MINUTE) });
    await again.load(keysOf(series));
    expectServed(again, series);
  });

  it('writes a candle that was revised in place', async () => {
    const dir = temporaryDir();
    const cache = await openCache(dir);
    const series = randomSeries('BTCUSDT', '5m');
    cache.put(series);
    await cache.flush();
    expect(series.revise([series.lastOpenTime as number, 9, 9, 9, 9, 9], 'rest', NOW)).toBe('revised');
    cache.put(series);
    await cache.stop();
    const again = await openCache(dir);
    await again.load(keysOf([series]));
    expectServed(again, [series]);
  });

  it('writes again what changed while a flush ran', async () => {
    const dir = temporaryDir();
    const cache = await openCache(dir);
    const series = market(20);
    for (const one of series) cache.put(one);
    const flush = cache.flush();
    const changed = series.filter(({ timeframe }) => timeframe === '5m');
    for (const one of changed) {
      extend(one);
      cache.put(one);
    }
    await flush;
    await cache.stop();
    const again = await openCache(dir, { clock: new FakeClock(NOW + 5 * MINUTE) });
    await again.load(keysOf(series));
    expectServed(again, series);
  });

  it('keeps series of a segment that are on disk only when another one of it is written', async () => {
    const dir = temporaryDir();
    const series = market(60).filter(({ timeframe }) => timeframe === '5m');
    const first = await openCache(dir);
    for (const one of series) first.put(one);
    await first.stop();
    const second = await openCache(dir);
    extend(series[0] as Series);
    second.put(series[0] as Series);
    await second.stop();
    const third = await openCache(dir, { clock: new FakeClock(NOW + 5 * MINUTE) });
    expect(await third.load(keysOf(series))).toEqual({ loaded: 60, missing: 0 });
    expectServed(third, series);
  });

  it('serves a changed series that memory let go of before it was written', async () => {
    const dir = temporaryDir();
    const series = randomSeries('BTCUSDT', '5m');
    const cache = await openCache(dir, { l1MaxBytes: 2 * series.byteLength });
    cache.put(series);
    await cache.flush();
    extend(series);
    cache.put(series);
    cache.put(randomSeries('AUSDT', '5m'));
    cache.put(randomSeries('BUSDT', '5m'));
    expect(cache.peek('BTCUSDT', '5m')).toBeNull();
    expect(await cache.get('BTCUSDT', '5m')).toBe(series);
    await cache.stop();
  });

  it('holds no more than twice the memory limit of unwritten series when the disk keeps failing', async () => {
    const { seen, disk } = watchedDisk();
    seen.broken = true;
    const dir = temporaryDir();
    const [one] = market(1) as [Series];
    const cache = await openCache(dir, { l1MaxBytes: 10 * one.byteLength, store: await openStore(dir, { disk }) });
    for (const series of market(40)) {
      cache.put(series);
      await cache.flush();
    }
    const { dirtySeries, droppedSeries, l2 } = cache.stats();
    expect(dirtySeries).toBeLessThanOrEqual(20);
    expect(dirtySeries + droppedSeries).toBe(120);
    expect(l2.writeErrors).toEqual({ ENOSPC: 1 });
    await cache.stop();
  });

  it('writes what waited as soon as the disk works again', async () => {
    const { seen, disk } = watchedDisk();
    seen.broken = true;
    const dir = temporaryDir();
    const clock = new FakeClock(NOW);
    const cache = await openCache(dir, { clock, store: await openStore(dir, { clock, disk }) });
    const series = market(5);
    for (const one of series) cache.put(one);
    expect(await cache.flush()).toMatchObject({ segments: 0 });
    const due = new Set(series.map((one) => segmentKey('sim', one))).size;
    expect(await cache.flush()).toEqual({ segments: 0, series: 0, failed: due, durationMs: 0 });
    expect(cache.stats().dirtySeries).toBe(15);
    seen.broken = false;
    await clock.advance(5_000);
    expect(await cache.flush()).toMatchObject({ series: 15, failed: 0 });
    const again = await openCache(dir);
    await again.load(keysOf(series));
    expectServed(again, series);
  });

  it('writes what is in memory again after its segment was found damaged, without waiting for a new candle', async () => {
    const dir = temporaryDir();
    const hourly = market(60).filter(({ timeframe }) => timeframe === '1h');
    const held = hourly[0] as Series;
    const sibling = hourly.slice(1).find((one) => segmentKey('sim', one) === segmentKey('sim', held)) as Series;
    const first = await openCache(dir);
    first.put(sibling);
    await first.stop();
    const second = await openCache(dir);
    second.put(held);
    await second.flush();
    rmSync(dir, { recursive: true });
    expect(await second.get(sibling.symbol, '1h')).toBeNull();
    expect(second.stats().l2).toMatchObject({ errors: 1, corrupt: { ENOENT: 1 } });
    expect(await second.flush()).toMatchObject({ segments: 1, series: 1 });
    const third = await openCache(dir);
    await third.load(keysOf([held]));
    expectServed(third, [held]);
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

  it('drops a series from memory once it is that old', async () => {
    const clock = new FakeClock(NOW);
    const cache = await openCache(temporaryDir(), { clock });
    cache.put(randomSeries('BTCUSDT', '5m'));
    clock.jump(6 * 60 * MINUTE);
    expect(await cache.get('BTCUSDT', '5m')).toBeNull();
    expect(cache.stats().l1).toMatchObject({ stale: 1, entries: 0 });
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

  it('forgets a dropped series in memory and keeps what is on disk of it, be it not written yet', async () => {
    const dir = temporaryDir();
    const [old, fresh] = [randomSeries('AUSDT', '5m'), randomSeries('BUSDT', '5m')];
    const cache = await openCache(dir);
    cache.put(old);
    await cache.flush();
    cache.put(fresh);
    for (const symbol of ['AUSDT', 'BUSDT', 'NEVERUSDT']) cache.drop(symbol, '5m');
    expect([cache.peek('AUSDT', '5m'), cache.peek('BUSDT', '5m')]).toEqual([null, null]);
    expect(cache.stats().l1.entries).toBe(0);
    await cache.stop();
    const next = await openCache(dir);
    expect(await next.load(keysOf([old, fresh]))).toEqual({ loaded: 2, missing: 0 });
    await next.stop();
  });

  it('counts a series each time that it is touched: held, missing, or too old, which goes', async () => {
    const clock = new FakeClock(NOW);
    const cache = await openCache(temporaryDir(), { clock });
    cache.put(randomSeries('AUSDT', '5m'));
    for (const symbol of ['AUSDT', 'BUSDT', 'AUSDT']) cache.touch(symbol, '5m');
    expect(cache.stats().l1).toMatchObject({ hits: 2, misses: 1, stale: 0 });
    clock.jump(61 * 5 * MINUTE);
    cache.touch('AUSDT', '5m');
    expect(cache.stats().l1).toMatchObject({ hits: 2, misses: 1, stale: 1, entries: 0 });
    await cache.stop();
  });

  it('keeps what is touched when memory is short', async () => {
    const [a, b, c] = ['AUSDT', 'BUSDT', 'CUSDT'].map((symbol) => randomSeries(symbol, '5m'));
    const cache = await openCache(temporaryDir(), { l1MaxBytes: 3 * (a as Series).byteLength - 1 });
    cache.put(a as Series);
    cache.put(b as Series);
    cache.touch('AUSDT', '5m');
    cache.put(c as Series);
    expect(['AUSDT', 'BUSDT', 'CUSDT'].map((symbol) => cache.peek(symbol, '5m') !== null)).toEqual([true, false, true]);
    await cache.stop();
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

  it('flushes on its timer until it is stopped, and leaves no timer behind', async () => {
    const clock = new FakeClock(NOW);
    const dir = temporaryDir();
    const reports: number[] = [];
    const waiting: (() => void)[] = [];
    const cache = await openCache(dir, {
      clock,
      onFlush: ({ series }) => {
        reports.push(series);
        waiting.shift()?.();
      },
    });
    const flushed = () => new Promise<void>((resolve) => void waiting.push(resolve));
    cache.start();
    cache.put(randomSeries('BTCUSDT', '5m'));
    const one = flushed();
    await clock.advance(300_000);
    await one;
    const two = flushed();
    await clock.advance(300_000);
    await two;
    expect(reports).toEqual([1, 0]);
    await Promise.all([cache.stop(), cache.stop()]);
    expect(clock.pendingTimers).toBe(0);
    expect(() => cache.start()).toThrow('stopped');
  });

  it('takes over other bounds while it is in use: of memory, of disk, and when it writes', async () => {
    const clock = new FakeClock(NOW);
    const flushes: number[] = [];
    const series = market(4);
    const [{ byteLength }] = series as [Series];
    const cache = await openCache(temporaryDir(), { clock, onFlush: () => flushes.push(clock.monotonic()) });
    const bounds = { l1MaxBytes: 64 * 2 ** 20, l2MaxBytes: 64 * 2 ** 20, flushEveryMs: 300_000 };
    cache.reconfigure({ ...bounds, flushEveryMs: 200_000 });
    expect(clock.pendingTimers).toBe(0);
    for (const one of series) cache.put(one);
    cache.start();
    cache.reconfigure({ ...bounds, flushEveryMs: 60_000, l1MaxBytes: 3 * byteLength });
    expect(cache.stats().l1).toMatchObject({ entries: 3, evictions: 9 });
    // What no longer fits into memory waits to be written all the same, and is served.
    await cache.flush();
    const [first] = series as [Series];
    expect(contentOf((await cache.get(first.symbol, first.timeframe)) as Series)).toEqual(contentOf(first));
    await clock.advance(60_000);
    await vi.waitFor(() => expect(flushes).toEqual([60_000]));
    cache.reconfigure({ ...bounds, flushEveryMs: 60_000, l2MaxBytes: 1 });
    await cache.stop();
    expect(cache.stats().l2).toMatchObject({ entries: 0, bytes: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it('keeps its timer when only its bounds are other ones, and sets none once it was stopped', async () => {
    const clock = new FakeClock(NOW);
    const flushes: number[] = [];
    const cache = await openCache(temporaryDir(), { clock, onFlush: () => flushes.push(clock.monotonic()) });
    const bounds = { l1MaxBytes: 2 ** 20, l2MaxBytes: 2 ** 20, flushEveryMs: 300_000 };
    cache.start();
    await clock.advance(299_000);
    cache.reconfigure(bounds);
    await clock.advance(1_000);
    await vi.waitFor(() => expect(flushes).toEqual([300_000]));
    await cache.stop();
    cache.reconfigure({ ...bounds, flushEveryMs: 1_000 });
    expect(clock.pendingTimers).toBe(0);
  });
});

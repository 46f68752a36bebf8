import { describe, expect, it } from 'vitest';
import type { Series } from '../../src/domain/series.js';
import {
  contentOf,
  expectServed,
  extend,
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

describe('CandleCache', () => {
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

  it('drops a series from memory once it is that old', async () => {
    const clock = new FakeClock(NOW);
    const cache = await openCache(temporaryDir(), { clock });
    cache.put(randomSeries('BTCUSDT', '5m'));
    clock.jump(6 * 60 * MINUTE);
    expect(await cache.get('BTCUSDT', '5m')).toBeNull();
    expect(cache.stats().l1).toMatchObject({ stale: 1, entries: 0 });
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
});

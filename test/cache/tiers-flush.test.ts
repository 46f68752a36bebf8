import { rmSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { segmentKey } from '../../src/cache/keys.js';
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

  it.each([
    // It is half a minute after a close.
    ['waits until the close of a slot is over', 270_000, 290_000],
    ['waits for half of its period at most', 6_000, 273_000],
    ['waits for nothing in a quiet moment', 300_000, 300_000],
  ])('D9: a flush on the timer %s', async (_, flushEveryMs, expectedMs) => {
    const clock = new FakeClock(NOW);
    const flushedAt: number[] = [];
    const cache = await openCache(temporaryDir(), { clock, base: '5m', flushEveryMs });
    vi.spyOn(cache, 'flush').mockImplementation(async () => {
      flushedAt.push(clock.now() - NOW);
      return { segments: 0, series: 0, failed: 0, durationMs: 0 };
    });
    cache.start();
    await clock.advance(310_000);
    expect(flushedAt.find((ms) => ms >= 270_000)).toBe(expectedMs);
    await cache.stop();
  });

  it('D9: collects its garbage behind the first flush and then once an hour', async () => {
    const clock = new FakeClock(NOW);
    const dir = temporaryDir();
    const store = await openStore(dir, { clock });
    const sweep = vi.spyOn(store, 'sweep');
    const cache = await openCache(dir, { clock, store });
    const sweepsOf = async (flushes: number, everyMs: number) => {
      const before = sweep.mock.calls.length;
      for (let flush = 0; flush < flushes; flush++) {
        await cache.flush();
        await clock.advance(everyMs);
      }
      return sweep.mock.calls.length - before;
    };
    expect(await sweepsOf(12, 5 * MINUTE)).toBe(1);
    expect(await sweepsOf(12, 5 * MINUTE)).toBe(1);
    expect(await sweepsOf(3, 60 * MINUTE)).toBe(3);
    await cache.stop();
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

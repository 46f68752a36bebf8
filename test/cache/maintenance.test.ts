import { existsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import cacache from 'cacache';
import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/cache/codec/record.js';
import { resultsKey, segmentKey } from '../../src/cache/keys.js';
import { clear, summarize, verify } from '../../src/cache/maintenance.js';
import { StoredResults } from '../../src/cache/stored-results.js';
import { NOW, openCache, openStore, randomSeries, temporaryDir } from '../support/cache.js';

async function filled(dir: string) {
  const cache = await openCache(dir);
  const series = (['5m', '1h'] as const).flatMap((timeframe) =>
    ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'].map((symbol) => randomSeries(symbol, timeframe)),
  );
  for (const one of series) cache.put(one);
  await cache.stop();
  return series;
}

describe('summarize', () => {
  it('counts segments, series by timeframe, and bytes in use and on disk', async () => {
    const dir = temporaryDir();
    const series = await filled(dir);
    const summary = await summarize(dir);
    expect(summary).toMatchObject({
      segments: new Set(series.map((one) => segmentKey('sim', one))).size,
      series: 6,
      seriesByTimeframe: { '5m': 3, '1h': 3 },
      oldestWrite: NOW,
      newestWrite: NOW,
    });
    expect(summary.liveBytes).toBeGreaterThan(0);
    expect(summary.diskBytes).toBeGreaterThan(summary.liveBytes);
  });

  it('finds nothing in a directory that does not exist', async () => {
    expect(await summarize(join(temporaryDir(), 'none'))).toEqual({
      segments: 0,
      series: 0,
      seriesByTimeframe: {},
      resultsBytes: 0,
      liveBytes: 0,
      diskBytes: 0,
      oldestWrite: null,
      newestWrite: null,
    });
  });
});

describe('results of analyzers', () => {
  it('are counted by their bytes, checked like the candles, and removed when they fail', async () => {
    const dir = temporaryDir();
    await filled(dir);
    const before = await summarize(dir);
    const store = await openStore(dir);
    await new StoredResults({ store, exchange: 'sim', code: 'one' }).write({ some: 'thing' });
    const after = await summarize(dir);
    expect(before.resultsBytes).toBe(0);
    expect(after).toMatchObject({ series: before.series, seriesByTimeframe: before.seriesByTimeframe });
    expect(after.liveBytes).toBe(before.liveBytes + after.resultsBytes);
    expect(after.segments).toBe(before.segments + 1);
    const own = async (remove: boolean) => (await verify(dir, { remove })).find(({ key }) => key === resultsKey('sim'));
    expect(await own(false)).toMatchObject({ series: 0, outcome: 'ok' });
    await store.write(resultsKey('sim'), new Map([['results', Buffer.from('\x07\0results\x03\0one{', 'latin1')]]));
    expect(await own(true)).toMatchObject({ outcome: 'shape', removed: true });
    expect(await summarize(dir)).toEqual({ ...before, diskBytes: expect.any(Number) });
  });
});

describe('verify', () => {
  it('finds a series whose candles are not those that its results are of', async () => {
    const dir = temporaryDir();
    const store = await openStore(dir);
    const record = encodeRecord(randomSeries('BTCUSDT', '5m').window());
    const other = Buffer.from(record);
    other.writeUInt8(other.readUInt8(30) ^ 1, 30);
    await store.write('series/sim/5m/0', new Map([['BTCUSDT', record]]));
    await store.write('series/sim/5m/1', new Map([['BTCUSDT', other]]));
    expect((await verify(dir)).map(({ outcome }) => outcome)).toEqual(['ok', 'shape']);
  });

  it('reports every entry and removes what fails only when asked', async () => {
    const dir = temporaryDir();
    const series = await filled(dir);
    const sound = await verify(dir);
    expect(sound.every(({ outcome, removed }) => outcome === 'ok' && !removed)).toBe(true);
    expect(sound.reduce((sum, entry) => sum + entry.series, 0)).toBe(series.length);

    const [damaged, deleted] = Object.values(await cacache.ls(dir)) as [cacache.CacheObject, cacache.CacheObject];
    truncateSync(damaged.path, 10);
    await cacache.rm.content(dir, deleted.integrity);
    await cacache.put(dir, 'npm-package', 'not ours');
    const outcomes = async (remove: boolean) =>
      new Map(
        (await verify(dir, { remove })).filter((e) => e.outcome !== 'ok').map((e) => [e.key, [e.outcome, e.removed]]),
      );
    const found = (removed: boolean) =>
      new Map([
        [damaged.key, ['EINTEGRITY', removed]],
        [deleted.key, ['ENOENT', removed]],
        ['npm-package', ['index', removed]],
      ]);
    expect(await outcomes(false)).toEqual(found(false));
    expect(await outcomes(true)).toEqual(found(true));
    expect(await outcomes(false)).toEqual(new Map());
    expect(existsSync(damaged.path)).toBe(false);
    expect(await verify(dir)).toHaveLength(sound.length - 2);
  });
});

describe('clear', () => {
  it('deletes all entries and nothing that is not the cache', async () => {
    const dir = temporaryDir();
    await filled(dir);
    writeFileSync(join(dir, 'notes.txt'), 'mine');
    const { diskBytes } = await summarize(dir);
    expect((await clear(dir)).bytes).toBe(diskBytes);
    expect(await summarize(dir)).toMatchObject({ segments: 0, diskBytes: 0 });
    expect(existsSync(join(dir, 'notes.txt'))).toBe(true);
    expect(await clear(dir)).toEqual({ files: 0, bytes: 0 });
    expect(await clear(join(dir, 'none'))).toEqual({ files: 0, bytes: 0 });
  });
});

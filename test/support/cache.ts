import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { decodeRecord, readRecordRange } from '../../src/cache/codec/record.js';
import type { CandleCacheOptions } from '../../src/cache/contract.js';
import { cacacheDisk, type Disk } from '../../src/cache/disk.js';
import { SegmentStore, type SegmentStoreOptions } from '../../src/cache/l2.js';
import { CandleCache } from '../../src/cache/tiers.js';
import type { CandleRow } from '../../src/domain/candle.js';
import { allocateBuffer, type Columns, columnsOf, Series, slabOf } from '../../src/domain/series.js';
import { floorToTimeframe, type Timeframe, timeframeMs } from '../../src/domain/timeframe.js';
import { type Random, seededRandom } from '../../src/lib/random.js';
import { FakeClock, MINUTE } from './fake-clock.js';

export const NOW = Date.UTC(2026, 0, 1, 12, 0, 30);
const MiB = 1024 * 1024;

/** A new directory that is removed when the test ends. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'candlescan-cache-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The row that follows at `openTime`: prices in ticks of 0.01, volume with three decimals. */
export function randomRow(openTime: number, random: Random): CandleRow {
  const [open, close] = [1_000 + Math.floor(random() * 500), 1_000 + Math.floor(random() * 500)];
  const high = Math.max(open, close) + Math.floor(random() * 50);
  const low = Math.min(open, close) - Math.floor(random() * 50);
  return [openTime, open / 100, high / 100, low / 100, close / 100, Math.floor(random() * 1e6) / 1e3];
}

/** A series of `count` candles, the newest being the last that closed by `until`. */
export function randomSeries(
  symbol: string,
  timeframe: Timeframe,
  { count = 60, until = NOW, lookback = 60, seed = 1 } = {},
): Series {
  const random = seededRandom(seed);
  const step = timeframeMs(timeframe);
  const series = new Series(symbol, timeframe, lookback);
  const first = floorToTimeframe(until, timeframe) - count * step;
  for (let index = 0; index < count; index++) {
    const refusal = series.append(randomRow(first + index * step, random), index % 2 ? 'stream' : 'history', until);
    if (refusal !== null) throw new Error(`row ${index}: ${refusal}`);
  }
  return series;
}

/** Everything a series holds, as plain arrays to compare. */
/** Times, prices and volumes; where the candles came from is another question. */
export function contentOf(series: Series): Record<string, number[]> {
  const columns = Object.entries(columnsOf(series.window())).filter(([name]) => name !== 'source');
  return Object.fromEntries(columns.map(([name, column]) => [name, [...column]]));
}

export function openStore(dir: string, options: Partial<SegmentStoreOptions> = {}): Promise<SegmentStore> {
  return SegmentStore.open({ dir, maxBytes: 64 * MiB, clock: new FakeClock(NOW), ...options });
}

export async function openCache(
  dir: string,
  { clock = new FakeClock(NOW), ...options }: Partial<CandleCacheOptions> = {},
): Promise<CandleCache> {
  const store = options.store ?? (await openStore(dir, { clock }));
  return new CandleCache({
    exchange: 'sim',
    lookback: 60,
    l1MaxBytes: 64 * MiB,
    flushEveryMs: 300_000,
    clock,
    store,
    ...options,
  });
}

const TIMEFRAMES: readonly Timeframe[] = ['5m', '15m', '1h'];

/** `symbols` x three timeframes. */
export function market(symbols: number, until = NOW): Series[] {
  return Array.from({ length: symbols }, (_, seed) =>
    TIMEFRAMES.map((timeframe) => randomSeries(`S${seed}USDT`, timeframe, { seed, until })),
  ).flat();
}

export const keysOf = (series: readonly Series[]) => series.map(({ symbol, timeframe }) => ({ symbol, timeframe }));

/** Appends the candle that closes next. */
export function extend(series: Series): void {
  const openTime = (series.lastOpenTime as number) + 5 * MINUTE;
  expect(series.append([openTime, 5, 5, 5, 5, 1], 'stream', openTime + 5 * MINUTE)).toBeNull();
}

export function expectServed(cache: CandleCache, series: readonly Series[]): void {
  for (const one of series) {
    const held = cache.peek(one.symbol, one.timeframe);
    expect(held === null ? null : contentOf(held)).toEqual(contentOf(one));
  }
}

/** A disk whose reads and writes are counted, and whose writes fail while `broken`. */
export function watchedDisk() {
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

/** What a record holds beside its open times. Throws `MalformedBytes`. */
export function decodedColumns(record: Uint8Array): Omit<Columns, 'openTime'> {
  const { count } = readRecordRange(record);
  const place = {
    symbol: '',
    timeframe: '5m',
    buffer: allocateBuffer(count),
    capacity: count,
    start: 0,
    length: count,
  } as const;
  decodeRecord(record, slabOf(place));
  const { openTime: _, ...columns } = columnsOf(place);
  return columns;
}

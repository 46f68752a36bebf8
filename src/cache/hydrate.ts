import { SOURCES } from '../domain/candle.js';
import { Series, type Slab } from '../domain/series.js';
import { type Timeframe, timeframeMs } from '../domain/timeframe.js';
import { MalformedBytes } from './codec/bytes.js';
import { decodeRecord, readRecordRange } from './codec/record.js';
import { noteDigest } from './window-digest.js';

const FROM_CACHE = SOURCES.indexOf('cache');

/**
 * How far the local clock may be behind the exchange's before a stored candle looks as if it were still forming. Only
 * closed candles are ever stored, so this guards against damage, not against the last seconds.
 */
const CLOCK_SLACK_MS = 60_000;

/** A stored record as a series of its newest `lookback` candles, or null when it is not one of `symbol`. */
export function hydrate(
  record: Uint8Array,
  symbol: string,
  timeframe: Timeframe,
  lookback: number,
  now: number,
): Series | null {
  return unlessMalformed(() => {
    const { firstOpenTime, count, digest } = readRecordRange(record);
    const read = (slab: Slab) => {
      decodeRecord(record, slab);
      // Where a candle came from is a statement about this process.
      slab.sources.fill(FROM_CACHE, 0, count);
    };
    const stored = { symbol, timeframe, firstOpenTime, count };
    const series = Series.restore(stored, lookback, read, now + CLOCK_SLACK_MS);
    if (typeof series === 'string') return null;
    if (series.length === count) noteDigest(series.window(), digest);
    return series;
  });
}

/** Epoch ms of a stored record's newest open time, or null when it is not one of a series. */
export function lastOpenTimeOf(record: Uint8Array, timeframe: Timeframe): number | null {
  return unlessMalformed(() => {
    const { firstOpenTime, count } = readRecordRange(record);
    return firstOpenTime + (count - 1) * timeframeMs(timeframe);
  });
}

/** Whether at least one candle would still be in a full window now; of anything older nothing is of use. */
export function isUsable(lastOpenTime: number | null, timeframe: Timeframe, lookback: number, now: number): boolean {
  return lastOpenTime !== null && lastOpenTime + timeframeMs(timeframe) * (lookback + 1) > now;
}

function unlessMalformed<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedBytes) return null;
    throw error;
  }
}

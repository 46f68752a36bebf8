import type { Series } from '../domain/series.js';
import { lastClosedOpenTime, type Slot } from '../domain/slot.js';
import { type Timeframe, timeframeMs } from '../domain/timeframe.js';
import type { KlineQuery } from './exchange/contract.js';

/** The exchange serves at most this many rows in one reply. */
const MOST_ROWS = 1500;

/**
 * The one request that brings a series to `slot`, or null when nothing is missing.
 *
 * The end is always sent, so a reply never holds a forming candle and a reply that is late holds the same rows. A
 * series that is only behind is asked for what is missing and one more, its newest candle, which must still be the
 * same: that is how a hole between what we hold and what we get would show.
 */
export function planSeries(
  symbol: string,
  timeframe: Timeframe,
  series: Series | undefined,
  slot: Slot,
  firstLook: number,
): KlineQuery | null {
  const step = timeframeMs(timeframe);
  const newest = lastClosedOpenTime(slot, timeframe);
  const endTime = newest + step - 1;
  const last = series?.lastOpenTime ?? null;
  if (last === null) return { symbol, timeframe, limit: firstLook, endTime };
  if (last >= newest) return null;
  const limit = (newest - last) / step + 1;
  if (limit > Math.min(MOST_ROWS, Math.max(firstLook, series?.lookback ?? 0))) {
    return { symbol, timeframe, limit: firstLook, endTime };
  }
  return { symbol, timeframe, limit, startTime: last, endTime };
}

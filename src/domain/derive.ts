import type { CandleRow } from './candle.js';
import { sumOfDecimals } from './decimal-sum.js';
import { type Columns, columnsOf, type Series } from './series.js';
import { floorToTimeframe, type Timeframe, timeframeMs } from './timeframe.js';

/** Whether candles of `timeframe` are made of whole candles of `base`, two or more of them. */
export function isDerivable(timeframe: Timeframe, base: Timeframe): boolean {
  return timeframe !== base && timeframeMs(timeframe) % timeframeMs(base) === 0;
}

/**
 * The candle of `timeframe` that opened at `openTime`, as the exchange builds it, from the closed candles of `base`; null
 * unless `base` holds every candle of its span.
 *
 * A sub-candle without volume carries the previous close and is ignored by the exchange: open, high, low and close come
 * from the sub-candles with volume only, and from all of them when no one traded. Volumes are added as decimals.
 *
 * Throws a `RangeError` when `timeframe` is no multiple of the base or `openTime` is not on its grid.
 */
export function deriveCandle(base: Series, timeframe: Timeframe, openTime: number): CandleRow | null {
  if (!isDerivable(timeframe, base.timeframe)) {
    throw new RangeError(`${timeframe} cannot be derived from ${base.timeframe}, only its multiples can`);
  }
  if (floorToTimeframe(openTime, timeframe) !== openTime) {
    throw new RangeError(`${openTime} is no open time of ${timeframe}`);
  }
  const stepMs = timeframeMs(base.timeframe);
  const spanMs = timeframeMs(timeframe);
  const until = openTime + spanMs - stepMs;
  if ((base.firstOpenTime ?? Number.POSITIVE_INFINITY) > openTime) return null;
  if ((base.lastOpenTime ?? Number.NEGATIVE_INFINITY) < until) return null;
  return combine(columnsOf(base.window({ count: spanMs / stepMs, until })));
}

function combine({ openTime, open, high, low, close, volume }: Columns): CandleRow {
  const sum = sumOfDecimals(volume);
  const counts = (row: number) => sum === 0 || (volume[row] as number) > 0;
  let first = -1;
  let last = 0;
  let highest = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (let row = 0; row < volume.length; row++) {
    if (!counts(row)) continue;
    if (first < 0) first = row;
    last = row;
    highest = Math.max(highest, high[row] as number);
    lowest = Math.min(lowest, low[row] as number);
  }
  return [openTime[0] as number, open[first] as number, highest, lowest, close[last] as number, sum];
}

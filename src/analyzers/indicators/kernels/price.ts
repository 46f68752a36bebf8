import type { Columns } from '../../../domain/series.js';

/**
 * Two moves closer than this part of the price are the same move. Prices are decimals stored in binary, so that two
 * equal moves come out up to a few 1e-16 of the price apart; the finest tick of any market is above 1e-9 of it.
 * TradingView compares with an absolute 1e-10 (measured by PyneSys/pynecore, `core/pine_compare.py`), which would
 * swallow whole ticks of a coin at 1e-7; relative, the comparison is the same at every price.
 */
export const SAME_MOVE = 1e-12;

/** TradingView's `hlc3`, the typical price: (high + low + close) / 3. */
export function typicalPrice({ high, low, close }: Columns, out: Float64Array): void {
  for (let i = 0; i < close.length; i++) {
    out[i] = ((high[i] as number) + (low[i] as number) + (close[i] as number)) / 3;
  }
}

/**
 * True range of every candle, see `rangeFrom`. Of the first candle it is high - low (`ta.tr(true)`).
 */
export function trueRange({ high, low, close }: Columns, out: Float64Array): void {
  if (close.length === 0) return;
  out[0] = (high[0] as number) - (low[0] as number);
  let previous = close[0] as number;
  for (let i = 1; i < close.length; i++) {
    out[i] = rangeFrom(previous, high[i] as number, low[i] as number);
    previous = close[i] as number;
  }
}

/**
 * True range of a candle: the part of the way from the previous close that it covers,
 * max(high, previous close) - min(low, previous close).
 */
export function rangeFrom(previous: number, high: number, low: number): number {
  // A candle opens where the one before it closed, or nearly: jumps that are hardly ever taken, cheaper than Math.max.
  const top = previous > high ? previous : high;
  const bottom = previous < low ? previous : low;
  return top - bottom;
}

import type { Columns } from '../../../domain/series.js';
import { defineIndicator, forgetting, rmaAlpha } from '../define.js';
import { rangeFrom, SAME_MOVE } from '../kernels/price.js';
import { positivePart } from '../kernels/select.js';
import { exponentialMean, stepped } from '../kernels/smoothing.js';
import { periodOf } from '../parameters.js';

/**
 * TradingView's: every average is Wilder's, seeded with a mean. TA-Lib and technicalindicators seed the directional
 * indicators with sums of other lengths and converge to this.
 *
 * Undefined (NaN) until the price has moved for the first time, and the average of the index starts from there:
 * technicalindicators divides 0 by 0 instead and is NaN for ever on a series that starts flat.
 */
export const adx = defineIndicator({
  name: 'adx',
  description: "Average directional index and both directional indicators (TradingView's ta.dmi)",
  parameters: { period: periodOf(14), smoothing: periodOf(14) },
  outputs: ['adx', 'plusDi', 'minusDi'],
  warmup: ({ period, smoothing }) => period + smoothing - 1,
  settled({ period, smoothing }, tolerance) {
    const forgotten = forgetting(rmaAlpha(period), tolerance / 2) + forgetting(rmaAlpha(smoothing), tolerance / 2);
    return period + smoothing + forgotten;
  },
  compute(candles, { period, smoothing }, [adxColumn, plusDi, minusDi], scratch) {
    const index = scratch.take(candles.close.length);
    const first = directionalIndicators(candles, period, plusDi, minusDi, index);
    exponentialMean(index, first, smoothing, rmaAlpha(smoothing), adxColumn);
  },
});

/**
 * Averages of how far each candle reaches beyond the one before it, on the side where it reaches farther, in percent of
 * the average true range, and from the first row with a value on, which is returned, their contrast, 0..100. A range
 * of 0 keeps the last value (Pine's `fixnan`).
 *
 * All in one loop, because the step of an average waits for the step before it, and three wait no longer than one.
 */
function directionalIndicators(
  { high, low, close }: Columns,
  period: number,
  plusDi: Float64Array,
  minusDi: Float64Array,
  index: Float64Array,
): number {
  const { length } = close;
  let keep = 0;
  let meanPlus = 0;
  let meanMinus = 0;
  let meanRange = 0;
  let plus = Number.NaN;
  let minus = Number.NaN;
  let first = length;
  plusDi[0] = plus;
  minusDi[0] = minus;
  for (let i = 1; i < length; i++) {
    const top = high[i] as number;
    const bottom = low[i] as number;
    const rise = positivePart(top - (high[i - 1] as number));
    const fall = positivePart((low[i - 1] as number) - bottom);
    const same = SAME_MOVE * top;
    // Up to `period` the step of an arithmetic mean, which is the seed; from there on alpha stays at 1 / period.
    if (i <= period) keep = 1 - rmaAlpha(i);
    meanPlus = stepped(meanPlus, Number(rise - fall > same) * rise, keep);
    meanMinus = stepped(meanMinus, Number(fall - rise > same) * fall, keep);
    meanRange = stepped(meanRange, rangeFrom(close[i - 1] as number, top, bottom), keep);
    if (i >= period && meanRange > 0) {
      plus = 100 * (meanPlus / meanRange);
      minus = 100 * (meanMinus / meanRange);
      if (i < first) first = i;
    }
    const sum = plus + minus;
    plusDi[i] = plus;
    minusDi[i] = minus;
    index[i] = sum === 0 ? 0 : 100 * (Math.abs(plus - minus) / sum);
  }
  return first;
}

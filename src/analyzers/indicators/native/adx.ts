import type { Columns } from '../../../domain/series.js';
import { defineIndicator, forgetting, rmaAlpha } from '../define.js';
import { SAME_MOVE, trueRange } from '../kernels/price.js';
import { exponentialMean } from '../kernels/smoothing.js';
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
    const { length } = candles.close;
    const plus = scratch.take(length);
    const minus = scratch.take(length);
    const range = scratch.take(length);
    const alpha = rmaAlpha(period);
    directionalMoves(candles, plus, minus);
    trueRange(candles, range);
    exponentialMean(plus, 1, period, alpha, plusDi);
    exponentialMean(minus, 1, period, alpha, minusDi);
    exponentialMean(range, 1, period, alpha, adxColumn);
    const first = indicatorsOf(adxColumn, plusDi, minusDi, range);
    exponentialMean(range, first, smoothing, rmaAlpha(smoothing), adxColumn);
  },
});

/** How far the candle reaches beyond the one before it, on the side where it reaches farther; 0 on the other side. */
function directionalMoves({ high, low }: Columns, plus: Float64Array, minus: Float64Array): void {
  plus[0] = 0;
  minus[0] = 0;
  for (let i = 1; i < high.length; i++) {
    const up = (high[i] as number) - (high[i - 1] as number);
    const down = (low[i - 1] as number) - (low[i] as number);
    const same = SAME_MOVE * (high[i] as number);
    plus[i] = up - down > same && up > same ? up : 0;
    minus[i] = down - up > same && down > same ? down : 0;
  }
}

/**
 * Turns the averaged moves into directional indicators, in percent of the average range, and their contrast into the
 * directional index 0..100. A range of 0 keeps the last value (Pine's `fixnan`). Returns the first row with a value.
 */
function indicatorsOf(range: Float64Array, plusDi: Float64Array, minusDi: Float64Array, index: Float64Array): number {
  let first = range.length;
  let plus = Number.NaN;
  let minus = Number.NaN;
  for (let i = 0; i < range.length; i++) {
    const average = range[i] as number;
    if (average > 0) {
      plus = 100 * ((plusDi[i] as number) / average);
      minus = 100 * ((minusDi[i] as number) / average);
      if (i < first) first = i;
    }
    const sum = plus + minus;
    plusDi[i] = plus;
    minusDi[i] = minus;
    index[i] = sum === 0 ? 0 : 100 * (Math.abs(plus - minus) / sum);
  }
  return first;
}

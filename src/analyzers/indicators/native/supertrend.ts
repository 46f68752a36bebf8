import { defineIndicator, forgetting, rmaAlpha } from '../define.js';
import { trueRange } from '../kernels/price.js';
import { exponentialMean } from '../kernels/smoothing.js';
import { markWarmup } from '../kernels/window.js';
import { multiplierOf, periodOf } from '../parameters.js';

/**
 * Bands of `multiplier` average true ranges around hl2; each only ever moves towards the price until a close breaks
 * it. Down on the first row. `direction` is TradingView's: 1 in a DOWN trend, -1 in an UP trend. Pine's value of 0 on
 * the very first candle, where no average range exists yet, is left out.
 */
export const supertrend = defineIndicator({
  name: 'supertrend',
  description: "Supertrend line and direction, 1 = down, -1 = up (TradingView's ta.supertrend)",
  parameters: { period: periodOf(10), multiplier: multiplierOf(3) },
  outputs: ['value', 'direction'],
  warmup: ({ period }) => period - 1,
  // The bands remember for as long as a trend lasts; this is when the average range has settled.
  settled: ({ period }, tolerance) => period + 1 + forgetting(rmaAlpha(period), tolerance),
  compute(candles, { period, multiplier }, [value, direction], scratch) {
    const { high, low, close } = candles;
    const range = scratch.take(close.length);
    trueRange(candles, value);
    exponentialMean(value, 0, period, rmaAlpha(period), range);
    markWarmup(direction, 0, period);
    let upper = Infinity;
    let lower = -Infinity;
    let trend = 1;
    const first = markWarmup(value, 0, period);
    for (let i = first; i < close.length; i++) {
      const middle = ((high[i] as number) + (low[i] as number)) / 2;
      const distance = multiplier * (range[i] as number);
      const before = i === 0 ? Number.NaN : (close[i - 1] as number);
      if (!(middle + distance >= upper && before <= upper)) upper = middle + distance;
      if (!(middle - distance <= lower && before >= lower)) lower = middle - distance;
      const last = close[i] as number;
      if (i > first && (trend === 1 ? last > upper : last < lower)) trend = -trend;
      value[i] = trend === 1 ? upper : lower;
      direction[i] = trend;
    }
  },
});

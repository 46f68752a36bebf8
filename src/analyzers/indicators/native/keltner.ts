import { defineIndicator, emaAlpha, forgetting } from '../define.js';
import { trueRange } from '../kernels/price.js';
import { exponentialMean } from '../kernels/smoothing.js';
import { multiplierOf, periodOf } from '../parameters.js';

/**
 * Pine's `ta.kc`: an exponential average of the close and, around it, one of the true range, which starts at the second
 * candle and therefore a row later. TradingView's chart indicator, Skender and technicalindicators put the average true
 * range (Wilder's, of 10 candles) around it.
 */
export const keltner = defineIndicator({
  name: 'keltner',
  description: "Keltner channels, exponential averages of close and true range (TradingView's ta.kc)",
  parameters: { period: periodOf(20), multiplier: multiplierOf(2) },
  outputs: ['upper', 'middle', 'lower'],
  warmup: ({ period }) => period,
  settled: ({ period }, tolerance) => period + 1 + forgetting(emaAlpha(period), tolerance),
  compute(candles, { period, multiplier }, [upper, middle, lower]) {
    trueRange(candles, lower);
    exponentialMean(lower, 1, period, emaAlpha(period), upper);
    exponentialMean(candles.close, 0, period, emaAlpha(period), middle);
    for (let i = 0; i < middle.length; i++) {
      const mean = middle[i] as number;
      const distance = multiplier * (upper[i] as number);
      upper[i] = mean + distance;
      lower[i] = mean - distance;
    }
  },
});

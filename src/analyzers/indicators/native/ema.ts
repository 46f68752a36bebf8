import { defineIndicator, emaAlpha, forgetting } from '../define.js';
import { exponentialMean } from '../kernels/smoothing.js';
import { periodOf } from '../parameters.js';

/**
 * Seeded with the mean of the first `period` closes, as TradingView and TA-Lib do. Tulip and trading-signals start from
 * the first close and agree once the seed is forgotten.
 */
export const ema = defineIndicator({
  name: 'ema',
  description: "Exponential moving average of the close, seeded with the simple one (TradingView's ta.ema)",
  parameters: { period: periodOf(9) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  settled: ({ period }, tolerance) => period + forgetting(emaAlpha(period), tolerance),
  compute({ close }, { period }, [value]) {
    exponentialMean(close, 0, period, emaAlpha(period), value);
  },
});

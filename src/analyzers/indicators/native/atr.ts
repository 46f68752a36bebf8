import { defineIndicator, forgetting, rmaAlpha } from '../define.js';
import { trueRange } from '../kernels/price.js';
import { exponentialMean } from '../kernels/smoothing.js';
import { periodOf } from '../parameters.js';

/**
 * The first candle counts with high - low, as on TradingView and in Tulip; technicalindicators, TA-Lib and Skender
 * start at the second candle and converge to this.
 */
export const atr = defineIndicator({
  name: 'atr',
  description: "Average true range, Wilder's smoothing (TradingView's ta.atr)",
  parameters: { period: periodOf(14) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  settled: ({ period }, tolerance) => period + 1 + forgetting(rmaAlpha(period), tolerance),
  compute(candles, { period }, [value], scratch) {
    const range = scratch.take(candles.close.length);
    trueRange(candles, range);
    exponentialMean(range, 0, period, rmaAlpha(period), value);
  },
});

import { defineIndicator, forgetting, rmaAlpha } from '../define.js';
import { exponentialMean } from '../kernels/smoothing.js';
import { periodOf } from '../parameters.js';

/** Wilder's smoothing, an exponential average of alpha = 1 / period; technicalindicators' wema, Skender's smma. */
export const rma = defineIndicator({
  name: 'rma',
  description: "Wilder's moving average of the close, seeded with the simple one (TradingView's ta.rma)",
  parameters: { period: periodOf(14) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  settled: ({ period }, tolerance) => period + forgetting(rmaAlpha(period), tolerance),
  compute({ close }, { period }, [value]) {
    exponentialMean(close, 0, period, rmaAlpha(period), value);
  },
});

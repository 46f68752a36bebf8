import { defineIndicator, forgetting, rmaAlpha } from '../define.js';
import { relativeStrength } from '../kernels/strength.js';
import { periodOf } from '../parameters.js';

/** 100 where no candle since the first has closed lower, also if none has closed higher, as on TradingView's chart. */
export const rsi = defineIndicator({
  name: 'rsi',
  description: "Relative strength index of the close, Wilder's smoothing (TradingView's ta.rsi)",
  parameters: { period: periodOf(14) },
  outputs: ['value'],
  warmup: ({ period }) => period,
  settled: ({ period }, tolerance) => period + 1 + forgetting(rmaAlpha(period), tolerance),
  compute({ close }, { period }, [value]) {
    relativeStrength(close, period, value);
  },
});

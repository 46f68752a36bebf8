import { defineIndicator } from '../define.js';
import { trueRange } from '../kernels/price.js';

/** Of the first candle, which has no previous close, high - low. */
export const truerange = defineIndicator({
  name: 'truerange',
  description: "True range (TradingView's ta.tr(true))",
  parameters: {},
  outputs: ['value'],
  warmup: () => 0,
  settled: () => 2,
  compute(candles, _parameters, [value]) {
    trueRange(candles, value);
  },
});

import { defineIndicator } from '../define.js';
import { rollingWeightedMean } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

export const wma = defineIndicator({
  name: 'wma',
  description: "Linearly weighted moving average of the close (TradingView's ta.wma)",
  parameters: { period: periodOf(9) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ close }, { period }, [value]) {
    rollingWeightedMean(close, 0, period, value);
  },
});

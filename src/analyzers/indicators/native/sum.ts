import { defineIndicator } from '../define.js';
import { rollingSum } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

export const sum = defineIndicator({
  name: 'sum',
  description: "Sum of the close over a rolling window (TradingView's math.sum)",
  parameters: { period: periodOf(20) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ close }, { period }, [value]) {
    rollingSum(close, period, value);
  },
});

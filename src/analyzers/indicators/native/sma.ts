import { defineIndicator } from '../define.js';
import { rollingMean } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

export const sma = defineIndicator({
  name: 'sma',
  description: "Simple moving average of the close (TradingView's ta.sma)",
  parameters: { period: periodOf(9) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ close }, { period }, [value]) {
    rollingMean(close, 0, period, value);
  },
});

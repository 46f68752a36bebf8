import { defineIndicator } from '../define.js';
import { rollingLowest } from '../kernels/extremes.js';
import { periodOf } from '../parameters.js';

export const lowest = defineIndicator({
  name: 'lowest',
  description: "Lowest low (TradingView's ta.lowest)",
  parameters: { period: periodOf(20) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ low }, { period }, [value]) {
    rollingLowest(low, 0, period, value);
  },
});

import { defineIndicator } from '../define.js';
import { rollingHighest } from '../kernels/extremes.js';
import { periodOf } from '../parameters.js';

export const highest = defineIndicator({
  name: 'highest',
  description: "Highest high (TradingView's ta.highest)",
  parameters: { period: periodOf(20) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ high }, { period }, [value]) {
    rollingHighest(high, 0, period, value);
  },
});

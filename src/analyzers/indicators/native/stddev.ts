import { defineIndicator } from '../define.js';
import { rollingDeviation } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

export const stddev = defineIndicator({
  name: 'stddev',
  description: "Population standard deviation of the close (TradingView's ta.stdev)",
  parameters: { period: periodOf(20) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ close }, { period }, [value], scratch) {
    rollingDeviation(close, period, scratch.take(close.length), value);
  },
});

import { defineIndicator } from '../define.js';
import { rollingDeviation } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

/** NaN where the window is flat. */
export const zscore = defineIndicator({
  name: 'zscore',
  description: 'Distance of the close from its simple average in population standard deviations',
  parameters: { period: periodOf(20, 2) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ close }, { period }, [value], scratch) {
    const deviation = scratch.take(close.length);
    rollingDeviation(close, period, value, deviation);
    for (let i = 0; i < close.length; i++) value[i] = (value[i] as number) / (deviation[i] as number);
  },
});

import { defineIndicator } from '../define.js';
import { rollingExtremes } from '../kernels/extremes.js';
import { periodOf } from '../parameters.js';

/** -100 at the lowest low, 0 at the highest high; NaN in a range of 0. */
export const willr = defineIndicator({
  name: 'willr',
  description: "Williams %R (TradingView's ta.wpr)",
  parameters: { period: periodOf(14) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ high, low, close }, { period }, [value], scratch) {
    const lowest = scratch.take(close.length);
    rollingExtremes(high, low, 0, period, value, lowest);
    for (let i = 0; i < close.length; i++) {
      const top = value[i] as number;
      value[i] = 100 * (((close[i] as number) - top) / (top - (lowest[i] as number)));
    }
  },
});

import { defineIndicator } from '../define.js';
import { markWarmup } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

export const roc = defineIndicator({
  name: 'roc',
  description: "Rate of change of the close over `period` candles in percent (TradingView's ta.roc)",
  parameters: { period: periodOf(9) },
  outputs: ['value'],
  warmup: ({ period }) => period,
  compute({ close }, { period }, [value]) {
    for (let i = markWarmup(value, 1, period); i < close.length; i++) {
      const before = close[i - period] as number;
      value[i] = 100 * (((close[i] as number) - before) / before);
    }
  },
});

import { defineIndicator } from '../define.js';
import { rollingSum } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

/** NaN where the whole window traded nothing. */
export const vwma = defineIndicator({
  name: 'vwma',
  description: "Volume weighted moving average of the close over a rolling window (TradingView's ta.vwma)",
  parameters: { period: periodOf(20) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute({ close, volume }, { period }, [value], scratch) {
    const turnover = scratch.take(close.length);
    const turnoverSum = scratch.take(close.length);
    for (let i = 0; i < close.length; i++) turnover[i] = (close[i] as number) * (volume[i] as number);
    rollingSum(turnover, period, turnoverSum);
    rollingSum(volume, period, value);
    for (let i = period - 1; i < close.length; i++) value[i] = (turnoverSum[i] as number) / (value[i] as number);
  },
});

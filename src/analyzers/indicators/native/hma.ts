import { defineIndicator } from '../define.js';
import { rollingWeightedMean } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

const smoothingOf = (period: number) => Math.floor(Math.sqrt(period));

/** wma(2 * wma(close, period / 2) - wma(close, period), sqrt(period)), both lengths rounded down as on TradingView. */
export const hma = defineIndicator({
  name: 'hma',
  description: "Hull moving average of the close (TradingView's ta.hma)",
  parameters: { period: periodOf(9, 2) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1 + smoothingOf(period) - 1,
  compute({ close }, { period }, [value], scratch) {
    const fast = scratch.take(close.length);
    const lead = scratch.take(close.length);
    rollingWeightedMean(close, 0, Math.floor(period / 2), fast);
    rollingWeightedMean(close, 0, period, lead);
    for (let i = 0; i < close.length; i++) lead[i] = 2 * (fast[i] as number) - (lead[i] as number);
    rollingWeightedMean(lead, period - 1, smoothingOf(period), value);
  },
});

import { defineIndicator } from '../define.js';
import { typicalPrice } from '../kernels/price.js';
import { rollingOffset } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

/** Lambert's constant: puts most values between -100 and 100. */
const SCALE = 0.015;

/** (hlc3 - mean) / (0.015 * mean absolute deviation); NaN where the window is flat. */
export const cci = defineIndicator({
  name: 'cci',
  description: "Commodity channel index of hlc3, mean deviation (TradingView's ta.cci)",
  parameters: { period: periodOf(20, 2) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  compute(candles, { period }, [value], scratch) {
    const { length } = candles.close;
    const typical = scratch.take(length);
    typicalPrice(candles, typical);
    rollingOffset(typical, 0, period, value);
    for (let i = period - 1; i < length; i++) {
      const offset = value[i] as number;
      const mean = (typical[i] as number) - offset;
      let deviation = 0;
      for (let j = i - period + 1; j <= i; j++) deviation += Math.abs((typical[j] as number) - mean);
      value[i] = offset / (SCALE * (deviation / period));
    }
  },
});

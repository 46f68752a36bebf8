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
    overMeanDeviation(typical, period, value);
  },
});

/**
 * Divides the offset of each window from its mean by its mean absolute deviation. Four neighbouring windows at a time:
 * they are the same values shifted by a row, each of which is then loaded once, and their sums do not wait for another.
 */
function overMeanDeviation(source: Float64Array, period: number, offset: Float64Array): void {
  const { length } = source;
  const share = SCALE / period;
  let i = period - 1;
  for (; i + 3 < length; i += 4) {
    const mean0 = (source[i] as number) - (offset[i] as number);
    const mean1 = (source[i + 1] as number) - (offset[i + 1] as number);
    const mean2 = (source[i + 2] as number) - (offset[i + 2] as number);
    const mean3 = (source[i + 3] as number) - (offset[i + 3] as number);
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    let value0 = source[i - period + 1] as number;
    let value1 = source[i - period + 2] as number;
    let value2 = source[i - period + 3] as number;
    for (let j = i - period + 4; j <= i + 3; j++) {
      const value3 = source[j] as number;
      sum0 += Math.abs(value0 - mean0);
      sum1 += Math.abs(value1 - mean1);
      sum2 += Math.abs(value2 - mean2);
      sum3 += Math.abs(value3 - mean3);
      value0 = value1;
      value1 = value2;
      value2 = value3;
    }
    offset[i] = (offset[i] as number) / (share * sum0);
    offset[i + 1] = (offset[i + 1] as number) / (share * sum1);
    offset[i + 2] = (offset[i + 2] as number) / (share * sum2);
    offset[i + 3] = (offset[i + 3] as number) / (share * sum3);
  }
  for (; i < length; i++) {
    const mean = (source[i] as number) - (offset[i] as number);
    let sum = 0;
    for (let j = i - period + 1; j <= i; j++) sum += Math.abs((source[j] as number) - mean);
    offset[i] = (offset[i] as number) / (share * sum);
  }
}

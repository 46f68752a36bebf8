import { defineIndicator } from '../define.js';

/**
 * A candle without a range adds nothing, as on TradingView; technicalindicators adds its whole volume and rounds to
 * whole numbers. The level is that of an arbitrary beginning: only differences mean something.
 */
export const adl = defineIndicator({
  name: 'adl',
  description: "Accumulation/distribution line (TradingView's ta.accdist)",
  parameters: {},
  outputs: ['value'],
  warmup: () => 0,
  settled: () => Number.POSITIVE_INFINITY,
  compute({ high, low, close, volume }, _parameters, [value]) {
    let sum = 0;
    for (let i = 0; i < close.length; i++) {
      const top = high[i] as number;
      const bottom = low[i] as number;
      const last = close[i] as number;
      if (top > bottom) sum += ((last - bottom - (top - last)) / (top - bottom)) * (volume[i] as number);
      value[i] = sum;
    }
  },
});

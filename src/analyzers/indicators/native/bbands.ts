import { defineIndicator } from '../define.js';
import { rollingDeviation } from '../kernels/window.js';
import { multiplierOf, periodOf } from '../parameters.js';

/** Population deviation, divided by `period` and not by `period - 1`, as TradingView, TA-Lib and Bollinger do. */
export const bbands = defineIndicator({
  name: 'bbands',
  description: "Bollinger bands of the close, population deviation (TradingView's ta.bb)",
  parameters: { period: periodOf(20), multiplier: multiplierOf(2) },
  outputs: ['upper', 'middle', 'lower'],
  warmup: ({ period }) => period - 1,
  compute({ close }, { period, multiplier }, [upper, middle, lower]) {
    rollingDeviation(close, period, middle, upper);
    for (let i = 0; i < close.length; i++) {
      const mean = (close[i] as number) - (middle[i] as number);
      const distance = multiplier * (upper[i] as number);
      middle[i] = mean;
      upper[i] = mean + distance;
      lower[i] = mean - distance;
    }
  },
});

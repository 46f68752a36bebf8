import { defineIndicator } from '../define.js';
import { rollingExtremes } from '../kernels/extremes.js';
import { positionInRange } from '../kernels/position.js';
import { rollingMean } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

/**
 * `k` candles of range, %K averaged over `smooth`, %D over `d`. The default `smooth` of 1 is TradingView's and means
 * the fast stochastic; 3 gives the slow one.
 *
 * Undefined (NaN) where the range is 0, and so are the averages of a window that holds such a candle; Pine leaves
 * undefined values out and averages older ones instead, technicalindicators takes 0.
 */
export const stoch = defineIndicator({
  name: 'stoch',
  description: "Stochastic oscillator, simple averages (TradingView's ta.stoch, smoothed)",
  parameters: { k: periodOf(14), d: periodOf(3), smooth: periodOf(1) },
  outputs: ['k', 'd'],
  warmup: ({ k, d, smooth }) => k + d + smooth - 3,
  compute({ high, low, close }, parameters, [k, d], scratch) {
    const highest = scratch.take(close.length);
    const lowest = scratch.take(close.length);
    rollingExtremes(high, low, 0, parameters.k, highest, lowest);
    positionInRange(close, highest, lowest, d);
    rollingMean(d, parameters.k - 1, parameters.smooth, k);
    rollingMean(k, parameters.k + parameters.smooth - 2, parameters.d, d);
  },
});

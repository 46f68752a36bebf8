import { defineIndicator, forgetting, rmaAlpha } from '../define.js';
import { rollingExtremes } from '../kernels/extremes.js';
import { positionInRange } from '../kernels/position.js';
import { relativeStrength } from '../kernels/strength.js';
import { rollingMean } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

/**
 * The stochastic of the relative strength index: `period` of the index, `k` of its range, `smooth` and `d` of the
 * averages. technicalindicators rounds the index to two digits before it looks for its range.
 *
 * Undefined (NaN) while the index does not move, see `stoch`.
 */
export const stochrsi = defineIndicator({
  name: 'stochrsi',
  description: "Stochastic of the relative strength index (TradingView's Stochastic RSI)",
  parameters: { period: periodOf(14), k: periodOf(14), d: periodOf(3), smooth: periodOf(3) },
  outputs: ['k', 'd'],
  warmup: ({ period, k, d, smooth }) => period + k + d + smooth - 3,
  settled: ({ period, k, d, smooth }, tolerance) =>
    period + k + d + smooth - 2 + forgetting(rmaAlpha(period), tolerance),
  compute({ close }, parameters, [k, d], scratch) {
    const { length } = close;
    const strength = scratch.take(length);
    const highest = scratch.take(length);
    const lowest = scratch.take(length);
    relativeStrength(close, parameters.period, strength);
    rollingExtremes(strength, strength, parameters.period, parameters.k, highest, lowest);
    positionInRange(strength, highest, lowest, strength);
    const first = parameters.period + parameters.k - 1;
    rollingMean(strength, first, parameters.smooth, k);
    rollingMean(k, first + parameters.smooth - 1, parameters.d, d);
  },
});

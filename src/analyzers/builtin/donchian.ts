import { columns, defineSeriesAnalyzer } from './define.js';
import {
  at,
  checkPeriods,
  checkPositive,
  directionOf,
  newest,
  ramp,
  rmaSettled,
  type Side,
  strengthOf,
} from './support.js';

/**
 * The channel is that of the candles before: a close is never above a high of its own candle.
 * Strength = 0.3 + 0.4 x how far the close is beyond the channel, from 0 to 1.5 average ranges, + 0.3 x volume, from
 * `volume` to 4 times the mean of the period.
 *
 * Warm-up: the average range is seeded in row 14; (13/14)^63 < 1 %. The channel needs its period and two rows.
 */
export const donchian = defineSeriesAnalyzer({
  name: 'donchian',
  version: '1.0.0',
  description: 'A close leaves the Donchian channel of the candles before on raised volume',
  parameters: { period: 20, atr: 14, volume: 2 },
  warmup(parameters) {
    checkPeriods(parameters, ['period', 'atr']);
    checkPositive(parameters, ['volume']);
    return Math.max(parameters.period + 2, rmaSettled(parameters.atr));
  },
  analyze(input, { period, atr: atrPeriod, volume: leastVolume }) {
    const { close, volume } = input.candles;
    const { upper, lower } = columns(input, 'donchian', { period });
    const side = outside(upper, lower, close, 0);
    if (side === null || outside(upper, lower, close, 1) === side) return null;
    const ratio = newest(volume) / meanBefore(volume, period);
    // After candles in which nobody traded any volume is infinitely more than usual, and says nothing.
    if (!(ratio >= leastVolume && Number.isFinite(ratio))) return null;
    const atr = newest(columns(input, 'atr', { period: atrPeriod }).value);
    const beyond = (side * (newest(close) - newest(side === 1 ? upper : lower, 1))) / atr;
    return {
      direction: directionOf(side),
      strength: strengthOf(ramp(beyond, 0, 1.5), ramp(ratio, leastVolume, Math.max(4, 2 * leastVolume))),
      reasons: [
        `Close is ${beyond.toFixed(2)} ATR ${side === 1 ? 'above the high' : 'below the low'} of the ${period} candles before`,
        `Volume is ${ratio.toFixed(1)} times their mean`,
      ],
    };
  },
});

/** The side on which a close, `back` candles ago, was outside the channel of the candles before it. */
function outside(upper: Float64Array, lower: Float64Array, close: Float64Array, back: number): Side | null {
  if (newest(close, back) > newest(upper, back + 1)) return 1;
  return newest(close, back) < newest(lower, back + 1) ? -1 : null;
}

function meanBefore(column: Float64Array, count: number): number {
  const end = column.length - 1;
  let sum = 0;
  for (let row = end - count; row < end; row++) sum += at(column, row);
  return sum / count;
}

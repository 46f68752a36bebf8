import { columns, defineSeriesAnalyzer } from './define.js';
import { at, checkPeriods, checkPositive, directionOf, newest, ramp, rmaSettled, strengthOf } from './support.js';

/** A trend of this many candles counts as long. */
const LONG_TREND = 40;

/**
 * Strength = 0.3 + 0.4 x how far the close went through the old line, from 0 to 1.5 average ranges, + 0.3 x how long the
 * old trend was, from 0 to 40 candles.
 *
 * Warm-up: the average range is seeded in row 10; (9/10)^44 < 1 %. The line itself remembers for as long as a trend
 * lasts, and every trend starts as a falling one; so there are 40 rows more in which the first true flip can happen.
 */
export const supertrend = defineSeriesAnalyzer({
  name: 'supertrend',
  version: '1.0.0',
  description: 'The Supertrend flips to the other side of the price',
  parameters: { period: 10, multiplier: 3 },
  warmup(parameters) {
    checkPeriods(parameters, ['period']);
    checkPositive(parameters, ['multiplier']);
    return rmaSettled(parameters.period) + LONG_TREND;
  },
  analyze(input, { period, multiplier }) {
    const { value, direction } = columns(input, 'supertrend', { period, multiplier });
    if (newest(direction) === newest(direction, 1)) return null;
    // TradingView's direction: -1 while the trend is up.
    const side = newest(direction) === -1 ? 1 : -1;
    const age = ageOfTrend(direction);
    const atr = newest(columns(input, 'atr', { period }).value);
    const through = (side * (newest(input.candles.close) - newest(value, 1))) / atr;
    return {
      direction: directionOf(side),
      strength: strengthOf(ramp(through, 0, 1.5), ramp(age, 0, LONG_TREND)),
      reasons: [
        `Supertrend ${period}/${multiplier} flipped ${side === 1 ? 'up' : 'down'}, close ${through.toFixed(2)} ATR through its line`,
        `The ${side === 1 ? 'down' : 'up'} trend before lasted ${age}${age === LONG_TREND ? ' or more' : ''} candles`,
      ],
    };
  },
});

/** Candles of the trend that ended before the newest candle, up to the length of a long one. */
function ageOfTrend(direction: Float64Array): number {
  const last = direction.length - 2;
  let age = 1;
  while (age < LONG_TREND && at(direction, last - age) === at(direction, last)) age += 1;
  return age;
}

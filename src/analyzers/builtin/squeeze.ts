import { columns, defineSeriesAnalyzer } from './define.js';
import {
  at,
  checkPeriods,
  checkPositive,
  directionOf,
  emaSettled,
  newest,
  ramp,
  type Side,
  strengthOf,
} from './support.js';

/** A squeeze that lasts this many times longer than it must is as good as it gets. */
const LONG_SQUEEZE = 4;

/**
 * John Carter's squeeze: volatility is low while the Bollinger bands are inside the Keltner channel. The signal is the
 * first close outside the Bollinger bands right after it.
 * Strength = 0.3 + 0.4 x how far the close is beyond the band, from 0 to 1 average range, + 0.3 x how long the squeeze
 * was, from `candles` to 4 times that.
 *
 * Warm-up: the channel's averages are seeded in rows 20 and 21; (19/21)^47 < 1 %.
 */
export const squeeze = defineSeriesAnalyzer({
  name: 'squeeze',
  version: '1.0.0',
  description: 'Bollinger bands inside the Keltner channel for a while, then a close outside the bands',
  parameters: { period: 20, deviations: 2, ranges: 1.5, candles: 5 },
  warmup(parameters) {
    checkPeriods(parameters, ['period', 'candles'], 2);
    checkPositive(parameters, ['deviations', 'ranges']);
    return 1 + emaSettled(parameters.period) + LONG_SQUEEZE * parameters.candles;
  },
  analyze(input, { period, deviations, ranges, candles }) {
    const { close } = input.candles;
    const bands = columns(input, 'bbands', { period, multiplier: deviations });
    const side = outside(bands, close, 0);
    if (side === null || outside(bands, close, 1) === side) return null;
    const channel = columns(input, 'keltner', { period, multiplier: ranges });
    const squeezed = squeezedCandles(bands, channel, LONG_SQUEEZE * candles);
    if (squeezed < candles) return null;
    const range = (newest(channel.upper) - newest(channel.middle)) / ranges;
    const beyond = (side * (newest(close) - newest(side === 1 ? bands.upper : bands.lower))) / range;
    return {
      direction: directionOf(side),
      strength: strengthOf(ramp(beyond, 0, 1), ramp(squeezed, candles, LONG_SQUEEZE * candles)),
      reasons: [
        `Close broke ${beyond.toFixed(2)} average ranges ${side === 1 ? 'above the upper' : 'below the lower'} Bollinger band`,
        `Bollinger bands were inside the Keltner channel for ${squeezed}${squeezed === LONG_SQUEEZE * candles ? ' or more' : ''} candles`,
      ],
    };
  },
});

type Band = Readonly<Record<'upper' | 'lower', Float64Array>>;

/** The side on which a close is outside the bands, `back` candles ago. */
function outside({ upper, lower }: Band, close: Float64Array, back: number): Side | null {
  if (newest(close, back) > newest(upper, back)) return 1;
  return newest(close, back) < newest(lower, back) ? -1 : null;
}

/** For how many candles before the newest one the bands were inside the channel; counts up to `most`. */
function squeezedCandles(bands: Band, channel: Band, most: number): number {
  const last = bands.upper.length - 2;
  let count = 0;
  while (
    count < most &&
    at(bands.upper, last - count) < at(channel.upper, last - count) &&
    at(bands.lower, last - count) > at(channel.lower, last - count)
  ) {
    count += 1;
  }
  return count;
}

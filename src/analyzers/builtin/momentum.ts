import { columns, defineSeriesAnalyzer } from './define.js';
import { at, checkPeriods, directionOf, newest, ramp, rmaSettled, type Side, strengthOf } from './support.js';

/** Candles in which the Stochastic may have turned before the RSI does. */
const TURN_CANDLES = 3;
/** %K below this, or above 100 minus this, is extreme. */
const STOCHASTIC_EXTREME = 25;
const NEUTRAL = 50;

/**
 * Strength = 0.3 + 0.4 x depth of the extreme from 0 to 15 points of RSI + 0.3 x distance of %K from %D from 0 to 30.
 *
 * Warm-up: the RSI's seed is in row 15; (13/14)^63 < 1 %, and the extreme is looked for in the rows just before.
 */
export const momentum = defineSeriesAnalyzer({
  name: 'momentum',
  version: '1.0.0',
  description: 'RSI returns from an extreme after the Stochastic turned there',
  parameters: { rsi: 14, extreme: 30, k: 14, d: 3, smooth: 3 },
  warmup(parameters) {
    checkPeriods(parameters, ['rsi', 'k', 'd', 'smooth']);
    const { rsi, k, d, smooth } = parameters;
    return 1 + TURN_CANDLES + Math.max(rmaSettled(rsi), k + d + smooth);
  },
  analyze(input, { rsi: period, extreme, k: kPeriod, d: dPeriod, smooth }) {
    const rsi = columns(input, 'rsi', { period }).value;
    const side = returned(rsi, extreme);
    if (side === null) return null;
    const { k, d } = columns(input, 'stoch', { k: kPeriod, d: dPeriod, smooth });
    const spread = side * (newest(k) - newest(d));
    if (!(spread > 0 && cameFromExtreme(k, side))) return null;
    const level = side === 1 ? extreme : 100 - extreme;
    const depth = Math.max(...recent(rsi).map((value) => side * (level - value)));
    return {
      direction: directionOf(side),
      strength: strengthOf(ramp(depth, 0, 15), ramp(spread, 0, 30)),
      reasons: [
        `RSI ${newest(rsi).toFixed(1)} back ${side === 1 ? 'above' : 'below'} ${level}, from ${(level - side * depth).toFixed(1)}`,
        `Stochastic %K ${newest(k).toFixed(1)} ${side === 1 ? 'above' : 'below'} %D ${newest(d).toFixed(1)}`,
      ],
    };
  },
});

/** The side to which the RSI came back on the newest candle: up from oversold, down from overbought. */
function returned(rsi: Float64Array, extreme: number): Side | null {
  const [before, now] = [newest(rsi, 1), newest(rsi)];
  if (before < extreme && now >= extreme) return 1;
  return before > 100 - extreme && now <= 100 - extreme ? -1 : null;
}

function cameFromExtreme(k: Float64Array, side: Side): boolean {
  return recent(k).some((value) => side * (NEUTRAL - value) > NEUTRAL - STOCHASTIC_EXTREME);
}

/** The rows just before the newest, oldest first. */
function recent(column: Float64Array): number[] {
  return Array.from({ length: TURN_CANDLES }, (_, index) => at(column, column.length - 1 - TURN_CANDLES + index));
}

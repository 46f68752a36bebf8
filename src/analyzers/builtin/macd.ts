import { emaAlpha, forgetting } from '../indicators/define.js';
import { columns, defineSeriesAnalyzer } from './define.js';
import {
  checkOrder,
  checkPeriods,
  checkPositive,
  crossed,
  directionOf,
  emaSettled,
  newest,
  ramp,
  rmaSettled,
  SEED_WEIGHT,
  strengthOf,
} from './support.js';

/** How much more of the slow average's seed the signal line still has than the average itself, in the limit. */
const LAG_OF_SIGNAL = 1.5;

/**
 * A cross near zero is noise; it counts where MACD is `distance` average ranges on the other side of zero.
 * Strength = 0.3 + 0.4 x distance of MACD from zero, up to 4 times the least one, + 0.3 x how fast the histogram turns,
 * from 0 to 0.25 average ranges a candle.
 *
 * Warm-up: the slow average's seed is in row 26 and weighs (25/27)^n after n more; the signal line lags behind and has
 * 1.5 times that, so 1.5 x (25/27)^66 < 1 %, and one row before for the cross.
 */
export const macd = defineSeriesAnalyzer({
  name: 'macd',
  version: '1.0.0',
  description: 'MACD crosses its signal line while it is stretched away from zero',
  parameters: { fast: 12, slow: 26, signal: 9, atr: 14, distance: 0.5 },
  warmup(parameters) {
    checkPeriods(parameters, ['fast', 'slow', 'signal', 'atr']);
    checkOrder(parameters, 'fast', 'slow');
    checkPositive(parameters, ['distance']);
    const { slow, signal, atr } = parameters;
    const line = slow + forgetting(emaAlpha(slow), SEED_WEIGHT / LAG_OF_SIGNAL);
    return 1 + Math.max(line, slow + emaSettled(signal), rmaSettled(atr));
  },
  analyze(input, { fast, slow, signal: signalPeriod, atr: atrPeriod, distance }) {
    const { macd: line, signal, histogram } = columns(input, 'macd', { fast, slow, signal: signalPeriod });
    const side = crossed(line, signal);
    if (side === null) return null;
    const atr = newest(columns(input, 'atr', { period: atrPeriod }).value);
    const stretch = (-side * newest(line)) / atr;
    if (!(stretch >= distance)) return null;
    const turn = Math.abs(newest(histogram) - newest(histogram, 1)) / atr;
    const [where, other] = side === 1 ? ['above', 'below'] : ['below', 'above'];
    return {
      direction: directionOf(side),
      strength: strengthOf(ramp(stretch, distance, 4 * distance), ramp(turn, 0, 0.25)),
      reasons: [
        `MACD ${fast}/${slow} crossed ${where} its signal line ${signalPeriod}`,
        `MACD is ${stretch.toFixed(2)} ATR ${other} zero`,
      ],
    };
  },
});

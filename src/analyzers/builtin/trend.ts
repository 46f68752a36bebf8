import { columns, defineSeriesAnalyzer } from './define.js';
import {
  checkOrder,
  checkPeriods,
  crossed,
  directionOf,
  emaSettled,
  newest,
  ramp,
  rmaSettled,
  strengthOf,
} from './support.js';

/**
 * Strength = 0.3 + 0.4 x ADX from `minAdx` to 45 + 0.3 x distance of the directional indicators from 0 to 25.
 *
 * Warm-up: the slowest seed is that of ADX, in row 28; (13/14)^63 < 1 %, so 28 + 63 and one row before for the cross.
 */
export const trend = defineSeriesAnalyzer({
  name: 'trend',
  version: '1.0.0',
  description: 'A fast EMA crosses a slow one while ADX shows a trend and its directional indicators agree',
  parameters: { fast: 9, slow: 21, adx: 14, minAdx: 20 },
  warmup(parameters) {
    checkPeriods(parameters, ['fast', 'slow', 'adx']);
    checkOrder(parameters, 'fast', 'slow');
    return 1 + Math.max(emaSettled(parameters.slow), parameters.adx + rmaSettled(parameters.adx));
  },
  analyze(input, { fast, slow, adx: period, minAdx }) {
    const side = crossed(columns(input, 'ema', { period: fast }).value, columns(input, 'ema', { period: slow }).value);
    if (side === null) return null;
    const { adx, plusDi, minusDi } = columns(input, 'adx', { period, smoothing: period });
    const strengthOfTrend = newest(adx);
    const [plus, minus] = [newest(plusDi), newest(minusDi)];
    if (!(strengthOfTrend >= minAdx && side * (plus - minus) > 0)) return null;
    const where = side === 1 ? 'above' : 'below';
    return {
      direction: directionOf(side),
      strength: strengthOf(ramp(strengthOfTrend, minAdx, 45), ramp(Math.abs(plus - minus), 0, 25)),
      reasons: [
        `EMA ${fast} crossed ${where} EMA ${slow}`,
        `ADX ${strengthOfTrend.toFixed(1)}, +DI ${plus.toFixed(1)} ${where} −DI ${minus.toFixed(1)}`,
      ],
    };
  },
});

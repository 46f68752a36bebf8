import { defineSeriesAnalyzer } from './define.js';
import { at, checkPeriods, checkPositive, directionOf, newest, ramp, sideOf, strengthOf } from './support.js';

/** Volume that hardly varies would make an anomaly of a trifle: less deviation than this (of the logarithm) is not believed. */
const LEAST_DEVIATION = 0.25;
/** Share of the candle's range that its body must have for the candle to have a direction. */
const LEAST_BODY = 0.5;

/**
 * Volume is compared on a logarithmic scale, where it is roughly normal; candles without any are left out of the base.
 * The direction is that of the candle's body. An anomaly that goes on is signalled once.
 * Strength = 0.3 + 0.4 x how far the deviation is beyond the least one, up to twice that, + 0.3 x the body's share of the
 * range from one half to all of it.
 *
 * Warm-up: windows without memory; the candles of the base, the newest and the one before it.
 */
export const volume = defineSeriesAnalyzer({
  name: 'volume',
  version: '1.0.0',
  description: 'Volume far above its usual spread in a candle with a clear body',
  parameters: { period: 30, deviations: 3 },
  warmup(parameters) {
    checkPeriods(parameters, ['period'], 2);
    checkPositive(parameters, ['deviations']);
    return parameters.period + 2;
  },
  analyze({ candles }, { period, deviations }) {
    const body = newest(candles.close) - newest(candles.open);
    const share = Math.abs(body) / (newest(candles.high) - newest(candles.low));
    const side = sideOf(body);
    if (side === null || !(share >= LEAST_BODY)) return null;
    const base = spreadBefore(candles.volume, period);
    if (base === null) return null;
    const distance = (back: number) => (Math.log(newest(candles.volume, back)) - base.mean) / base.deviation;
    const now = distance(0);
    if (!(now >= deviations) || distance(1) >= deviations) return null;
    const times = newest(candles.volume) / Math.exp(base.mean);
    return {
      direction: directionOf(side),
      strength: strengthOf(ramp(now, deviations, 2 * deviations), ramp(share, LEAST_BODY, 1)),
      reasons: [
        `Volume is ${times.toFixed(1)} times its usual size, ${now.toFixed(1)} standard deviations above it`,
        `The candle closed ${side === 1 ? 'up' : 'down'} with a body of ${Math.round(share * 100)} % of its range`,
      ],
    };
  },
});

/**
 * Mean and deviation of the logarithm of volume over the `count` candles before the newest two, or null when half of
 * them had none.
 */
function spreadBefore(
  volumes: Float64Array,
  count: number,
): { readonly mean: number; readonly deviation: number } | null {
  const end = volumes.length - 2;
  let [traded, sum, squares] = [0, 0, 0];
  for (let row = end - count; row < end; row++) {
    if (at(volumes, row) <= 0) continue;
    const value = Math.log(at(volumes, row));
    traded += 1;
    sum += value;
    squares += value * value;
  }
  if (traded * 2 <= count) return null;
  const mean = sum / traded;
  const variance = Math.max(0, squares / traded - mean * mean);
  return { mean, deviation: Math.max(LEAST_DEVIATION, Math.sqrt(variance)) };
}

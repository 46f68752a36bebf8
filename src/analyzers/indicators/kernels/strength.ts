import { markWarmup } from './window.js';

/**
 * Wilder's relative strength index, 0..100, from row `period` on: 100 * gain / (gain + loss) with both averages seeded
 * by the mean of the first `period` changes (J. W. Wilder (1978), "New Concepts in Technical Trading Systems").
 * Algebraically 100 - 100 / (1 + gain / loss), without its cancellation near 0 and without its division by 0.
 */
export function relativeStrength(source: Float64Array, period: number, out: Float64Array): void {
  const { length } = source;
  const first = markWarmup(out, 1, period);
  if (first >= length) return;
  let gain = 0;
  let loss = 0;
  for (let i = 1; i <= period; i++) {
    const change = (source[i] as number) - (source[i - 1] as number);
    gain += Math.max(change, 0);
    loss += Math.max(-change, 0);
  }
  gain /= period;
  loss /= period;
  const keep = 1 - 1 / period;
  let strength = strengthOf(gain, loss);
  out[first] = strength;
  for (let i = first + 1; i < length; i++) {
    const change = (source[i] as number) - (source[i - 1] as number);
    const distance = Math.abs(change);
    // Twice the rise and twice the fall, one of them 0: exact, and without a branch that nobody could predict.
    gain = keep * gain + (distance + change) / (2 * period);
    loss = keep * loss + (distance - change) / (2 * period);
    // An unchanged close leaves the ratio as it is; computed again it would move by a rounding error, and the
    // stochastic of a constant index would show that error at full scale.
    if (change !== 0) strength = strengthOf(gain, loss);
    out[i] = strength;
  }
}

/** What TradingView's built-in script plots: `down == 0 ? 100 : up == 0 ? 0 : ...`. */
function strengthOf(gain: number, loss: number): number {
  return loss === 0 ? 100 : 100 * (gain / (gain + loss));
}

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
    if (change > 0) gain += change;
    else loss -= change;
  }
  gain /= period;
  loss /= period;
  const alpha = 1 / period;
  const keep = 1 - alpha;
  let strength = strengthOf(gain, loss);
  out[first] = strength;
  for (let i = first + 1; i < length; i++) {
    const change = (source[i] as number) - (source[i - 1] as number);
    gain *= keep;
    loss *= keep;
    // An unchanged close leaves the ratio as it is; computed again it would move by a rounding error, and the
    // stochastic of a constant index would show that error at full scale.
    if (change !== 0) {
      if (change > 0) gain += alpha * change;
      else loss -= alpha * change;
      strength = strengthOf(gain, loss);
    }
    out[i] = strength;
  }
}

/** What TradingView's built-in script plots: `down == 0 ? 100 : up == 0 ? 0 : ...`. */
function strengthOf(gain: number, loss: number): number {
  return loss === 0 ? 100 : 100 * (gain / (gain + loss));
}

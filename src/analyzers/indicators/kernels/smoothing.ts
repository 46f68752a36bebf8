import { markWarmup } from './window.js';

/**
 * Exponential average seeded with the arithmetic mean of its first `period` values, as TradingView's `ta.ema` and
 * `ta.rma` are; written from row `from + period - 1` on.
 */
export function exponentialMean(
  source: Float64Array,
  from: number,
  period: number,
  alpha: number,
  out: Float64Array,
): void {
  const { length } = source;
  const first = markWarmup(out, from, period);
  if (first >= length) return;
  const keep = 1 - alpha;
  let mean = meanOf(source, from, period);
  out[first] = mean;
  for (let i = first + 1; i < length; i++) {
    mean = stepped(mean, source[i] as number, keep);
    out[i] = mean;
  }
}

/**
 * An exponential average after one more value, `keep` = 1 - alpha: exactly the value for alpha = 1, and exactly
 * unchanged where nothing moves.
 */
export function stepped(mean: number, value: number, keep: number): number {
  return value + keep * (mean - value);
}

/** Arithmetic mean of rows `[from, from + count)`; exact when they are all the same. */
function meanOf(source: Float64Array, from: number, count: number): number {
  const anchor = source[from] as number;
  let sum = 0;
  for (let i = from + 1; i < from + count; i++) sum += (source[i] as number) - anchor;
  return anchor + sum / count;
}

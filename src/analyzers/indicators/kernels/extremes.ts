import { markWarmup } from './window.js';

/*
 * Extremes over the newest `period` rows by blocks, like the sums of `window.ts`, O(1) per row whatever the data:
 * M. van Herk (1992), "A fast algorithm for local minimum and maximum filters"; J. Gil and M. Werman (1993),
 * "Computing 2-D min, median, and max filters". No NaN from row `from` on.
 *
 * Two functions, and comparisons in place of Math.max, because both cost less than one with a sign or a callback.
 */

/** Highest value of the window, from row `from + period - 1` on. */
export function rollingHighest(source: Float64Array, from: number, period: number, out: Float64Array): void {
  const { length } = source;
  for (let start = markWarmup(out, from, period); start < length; start += period) {
    let tail = -Infinity;
    for (let i = start + period - 1; i > start; i--) {
      if (i < length) out[i] = tail;
      const value = source[i - period] as number;
      if (value > tail) tail = value;
    }
    out[start] = tail;
    const end = Math.min(start + period, length);
    let head = -Infinity;
    for (let i = start; i < end; i++) {
      const value = source[i] as number;
      if (value > head) head = value;
      if (head > (out[i] as number)) out[i] = head;
    }
  }
}

/** Lowest value of the window, from row `from + period - 1` on. */
export function rollingLowest(source: Float64Array, from: number, period: number, out: Float64Array): void {
  const { length } = source;
  for (let start = markWarmup(out, from, period); start < length; start += period) {
    let tail = Infinity;
    for (let i = start + period - 1; i > start; i--) {
      if (i < length) out[i] = tail;
      const value = source[i - period] as number;
      if (value < tail) tail = value;
    }
    out[start] = tail;
    const end = Math.min(start + period, length);
    let head = Infinity;
    for (let i = start; i < end; i++) {
      const value = source[i] as number;
      if (value < head) head = value;
      if (head < (out[i] as number)) out[i] = head;
    }
  }
}

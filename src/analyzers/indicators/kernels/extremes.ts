import { greater, lesser } from './select.js';
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

/**
 * Highest of one source and lowest of another (or the same) in the same window, from row `from + period - 1` on, all
 * values finite from row `from` on. For whoever needs both: a choice without a jump is waited for as long as a wrong
 * jump, but two are waited for together.
 */
export function rollingExtremes(
  high: Float64Array,
  low: Float64Array,
  from: number,
  period: number,
  highest: Float64Array,
  lowest: Float64Array,
): void {
  const { length } = high;
  markWarmup(lowest, from, period);
  for (let start = markWarmup(highest, from, period); start < length; start += period) {
    // The row at `start` lies in every window of its block, so that both passes may begin with it.
    let top = high[start] as number;
    let bottom = low[start] as number;
    for (let i = start + period - 1; i > start; i--) {
      if (i < length) {
        highest[i] = top;
        lowest[i] = bottom;
      }
      top = greater(high[i - period] as number, top);
      bottom = lesser(low[i - period] as number, bottom);
    }
    highest[start] = top;
    lowest[start] = bottom;
    const end = Math.min(start + period, length);
    top = high[start] as number;
    bottom = low[start] as number;
    for (let i = start; i < end; i++) {
      top = greater(high[i] as number, top);
      bottom = lesser(low[i] as number, bottom);
      if (top > (highest[i] as number)) highest[i] = top;
      if (bottom < (lowest[i] as number)) lowest[i] = bottom;
    }
  }
}

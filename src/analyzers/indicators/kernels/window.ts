/*
 * Sums over the newest `period` values, by blocks of `period` rows. The window that ends at row `i` of a block is the
 * end of the block before it plus the beginning of its own:
 *
 *      . . . [ . . t t t ][ h h i . . ] . . .
 *                         ^ start
 *
 * so two running sums per block, one backwards (`tail`) and one forwards (`head`), give every window in O(1) without
 * ever subtracting a value that has left: the rounding error is that of the window's own additions, whatever the
 * series went through before. (The scheme of van Herk and Gil-Werman for running maxima, applied to sums.)
 *
 * All work on deviations from the value at `start`, which lies in every window of its block: a flat window gives
 * exactly 0, and the sum of squares never exceeds `period + 1` times what is left after the mean is taken off.
 *
 * NaN in the source makes exactly those windows NaN that hold it.
 */

/** NaN in the rows before the first whole window; returns the row of that window. */
export function markWarmup(out: Float64Array, from: number, period: number): number {
  const first = from + period - 1;
  const end = Math.min(first, out.length);
  // Not `fill`, whose call alone costs as much as the rows of a usual warm-up.
  for (let i = 0; i < end; i++) out[i] = Number.NaN;
  return first;
}

/** How far the newest value lies above the arithmetic mean of its window: x - mean, from row `from + period - 1` on. */
export function rollingOffset(source: Float64Array, from: number, period: number, out: Float64Array): void {
  const { length } = source;
  for (let start = markWarmup(out, from, period); start < length; start += period) {
    const anchor = source[start] as number;
    let tail = 0;
    for (let i = start + period - 1; i > start; i--) {
      if (i < length) out[i] = tail;
      tail += (source[i - period] as number) - anchor;
    }
    out[start] = tail;
    const end = Math.min(start + period, length);
    let head = 0;
    for (let i = start; i < end; i++) {
      const deviation = (source[i] as number) - anchor;
      head += deviation;
      out[i] = deviation - ((out[i] as number) + head) / period;
    }
  }
}

/** Arithmetic mean of the window, from row `from + period - 1` on. A flat window gives its value exactly. */
export function rollingMean(source: Float64Array, from: number, period: number, out: Float64Array): void {
  if (period === 1) {
    out.set(source);
    markWarmup(out, from, period);
    return;
  }
  const { length } = source;
  for (let start = markWarmup(out, from, period); start < length; start += period) {
    const anchor = source[start] as number;
    let tail = 0;
    for (let i = start + period - 1; i > start; i--) {
      if (i < length) out[i] = tail;
      tail += (source[i - period] as number) - anchor;
    }
    out[start] = tail;
    const end = Math.min(start + period, length);
    let head = 0;
    for (let i = start; i < end; i++) {
      head += (source[i] as number) - anchor;
      out[i] = anchor + ((out[i] as number) + head) / period;
    }
  }
}

/**
 * x - mean and the population standard deviation of the window, from row `period - 1` on:
 * sqrt((sum of squares - (sum)^2 / period) / period) of the deviations.
 */
export function rollingDeviation(
  source: Float64Array,
  period: number,
  offset: Float64Array,
  deviation: Float64Array,
): void {
  const { length } = source;
  markWarmup(offset, 0, period);
  for (let start = markWarmup(deviation, 0, period); start < length; start += period) {
    const anchor = source[start] as number;
    let tail = 0;
    let tailSquares = 0;
    for (let i = start + period - 1; i > start; i--) {
      if (i < length) {
        offset[i] = tail;
        deviation[i] = tailSquares;
      }
      const distance = (source[i - period] as number) - anchor;
      tail += distance;
      tailSquares += distance * distance;
    }
    offset[start] = tail;
    deviation[start] = tailSquares;
    const end = Math.min(start + period, length);
    let head = 0;
    let headSquares = 0;
    for (let i = start; i < end; i++) {
      const distance = (source[i] as number) - anchor;
      head += distance;
      headSquares += distance * distance;
      const mean = ((offset[i] as number) + head) / period;
      const variance = ((deviation[i] as number) + headSquares) / period - mean * mean;
      offset[i] = distance - mean;
      deviation[i] = Math.sqrt(Math.max(variance, 0));
    }
  }
}

/** Sum of the window, from row `period - 1` on; for values of one sign, where nothing can cancel. */
export function rollingSum(source: Float64Array, period: number, out: Float64Array): void {
  const { length } = source;
  for (let start = markWarmup(out, 0, period); start < length; start += period) {
    let tail = 0;
    for (let i = start + period - 1; i > start; i--) {
      if (i < length) out[i] = tail;
      tail += source[i - period] as number;
    }
    out[start] = tail;
    const end = Math.min(start + period, length);
    let head = 0;
    for (let i = start; i < end; i++) {
      head += source[i] as number;
      out[i] = (out[i] as number) + head;
    }
  }
}

/**
 * Linearly weighted mean of the window, weights 1 (oldest) to `period` (newest), from row `from + period - 1` on.
 *
 * Of the window that ends `age` rows after `start`, the tail's part is the sum of all its shorter tails, and the
 * head's part is (period - age) * sum(x) + sum(index * x) with the index counted from `start`.
 */
export function rollingWeightedMean(source: Float64Array, from: number, period: number, out: Float64Array): void {
  const { length } = source;
  const totalWeight = (period * (period + 1)) / 2;
  for (let start = markWarmup(out, from, period); start < length; start += period) {
    const anchor = source[start] as number;
    let tail = 0;
    let weightedTail = 0;
    for (let i = start + period - 1; i > start; i--) {
      if (i < length) out[i] = weightedTail;
      tail += (source[i - period] as number) - anchor;
      weightedTail += tail;
    }
    out[start] = weightedTail;
    const end = Math.min(start + period, length);
    let head = 0;
    let indexedHead = 0;
    for (let i = start; i < end; i++) {
      const deviation = (source[i] as number) - anchor;
      const age = i - start;
      head += deviation;
      indexedHead += age * deviation;
      out[i] = anchor + ((out[i] as number) + (period - age) * head + indexedHead) / totalWeight;
    }
  }
}

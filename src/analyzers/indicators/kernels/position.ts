/** Where a value stands in its range, 0 at the lowest and 100 at the highest; NaN in a range of 0. May be in place. */
export function positionInRange(
  source: Float64Array,
  highest: Float64Array,
  lowest: Float64Array,
  out: Float64Array,
): void {
  for (let i = 0; i < source.length; i++) {
    const bottom = lowest[i] as number;
    out[i] = 100 * (((source[i] as number) - bottom) / ((highest[i] as number) - bottom));
  }
}

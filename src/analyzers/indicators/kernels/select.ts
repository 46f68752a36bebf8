/*
 * Choices without a jump. Which of two neighbouring prices is higher is as good as random, and a wrongly predicted jump
 * costs more than the choice: V8 turns a comparison that is used as a number into one instruction, and Math.max, a
 * ternary or an `if` into jumps. Values must be finite.
 */

/** The greater of two values. */
export function greater(a: number, b: number): number {
  const first = Number(a > b);
  return first * a + (1 - first) * b;
}

/** The lesser of two values. */
export function lesser(a: number, b: number): number {
  const first = Number(a < b);
  return first * a + (1 - first) * b;
}

/** The value where it is positive, and 0 elsewhere. */
export function positivePart(value: number): number {
  return (Math.abs(value) + value) / 2;
}

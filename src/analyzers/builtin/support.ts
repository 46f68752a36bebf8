import type { Direction } from '../../domain/signal.js';
import type { Parameters } from '../contract.js';
import { emaAlpha, forgetting, rmaAlpha } from '../indicators/define.js';

/** +1 for a rise, -1 for a fall. */
export type Side = 1 | -1;

/** Largest weight that the seed of a recursive average may still have when an opinion is built on it. */
export const SEED_WEIGHT = 0.01;
const LONGEST_PERIOD = 10_000;

export function directionOf(side: Side): Direction {
  return side === 1 ? 'long' : 'short';
}

/** The side of zero that `value` is on, or null for zero and NaN. */
export function sideOf(value: number): Side | null {
  if (value > 0) return 1;
  return value < 0 ? -1 : null;
}

/**
 * The side of `b` to which `a` has just crossed on the newest row, or null. Rows on which both are equal are on no side:
 * a touch that turns back is no cross, and one that goes through is a cross when it leaves.
 */
export function crossed(a: Float64Array, b: Float64Array): Side | null {
  const newest = a.length - 1;
  const now = sideOf(at(a, newest) - at(b, newest));
  let row = newest - 1;
  while (row >= 0 && at(a, row) === at(b, row)) row -= 1;
  const before = row < 0 ? null : sideOf(at(a, row) - at(b, row));
  return now !== null && before !== null && now !== before ? now : null;
}

/** The value of a row that is known to exist. */
export function at(column: Float64Array, row: number): number {
  return column[row] as number;
}

/** The newest row but `back`. */
export function newest(column: Float64Array, back = 0): number {
  return at(column, column.length - 1 - back);
}

/** 0 at `from` and below, 1 at `to` and above, straight between them. */
export function ramp(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

/** 0.3 for the event itself and up to 0.7 more for two grades of 0..1, the first weighing 4 and the second 3. */
export function strengthOf(first: number, second: number): number {
  return 0.3 + 0.4 * first + 0.3 * second;
}

/** Rows until the seed of an exponential average, in row `period`, weighs less than 1 %. */
export function emaSettled(period: number): number {
  return period + forgetting(emaAlpha(period), SEED_WEIGHT);
}

/** The same for Wilder's average. */
export function rmaSettled(period: number): number {
  return period + forgetting(rmaAlpha(period), SEED_WEIGHT);
}

/** Throws a `RangeError` when one of `names` is not a whole number of candles of at least `least`. */
export function checkPeriods(parameters: Parameters, names: readonly string[], least = 1): void {
  for (const name of names) {
    const value = parameters[name] as number;
    if (Number.isInteger(value) && value >= least && value <= LONGEST_PERIOD) continue;
    throw new RangeError(`${name} is ${value}, allowed is a whole number from ${least} to ${LONGEST_PERIOD}`);
  }
}

/** Throws a `RangeError` when one of `names` is not more than 0. */
export function checkPositive(parameters: Parameters, names: readonly string[]): void {
  for (const name of names) {
    if ((parameters[name] as number) > 0) continue;
    throw new RangeError(`${name} is ${parameters[name]}, allowed is a number above 0`);
  }
}

/** Throws a `RangeError` when `shorter` is not below `longer`. */
export function checkOrder(parameters: Parameters, shorter: string, longer: string): void {
  const [less, more] = [parameters[shorter] as number, parameters[longer] as number];
  if (!(less < more)) throw new RangeError(`${shorter} is ${less}, allowed is less than ${longer} (${more})`);
}

import type { Timeframe } from '../domain/timeframe.js';
import type { Opinion } from './contract.js';

const MOST_REASONS = 12;
const LONGEST_REASON = 400;

/** What an analyzer returned is not what its contract allows. */
export class InvalidOpinion extends Error {}

/**
 * The opinion in `value`, copied field by field, or null when there is none. Each field is read once, so that a getter
 * cannot answer differently later; only primitives are kept, so that nothing cyclic or foreign gets through.
 * Throws `InvalidOpinion`, or whatever a getter of `value` throws.
 */
export function readOpinion(value: unknown): Opinion | null {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'object') throw new InvalidOpinion(`returned ${shown(value)}, not an opinion or null`);
  if (isThenable(value)) throw new InvalidOpinion('returned a promise; an analyzer answers at once');
  const { direction, strength, reasons } = value as Record<keyof Opinion, unknown>;
  if (direction !== 'long' && direction !== 'short') {
    throw new InvalidOpinion(`direction is ${shown(direction)}, not 'long' or 'short'`);
  }
  if (typeof strength !== 'number' || !(strength >= 0 && strength <= 1)) {
    throw new InvalidOpinion(`strength is ${shown(strength)}, not a number from 0 to 1`);
  }
  return { direction, strength, reasons: readReasons(reasons) };
}

/** The timeframe that a symbol analyzer's opinion names; it must be one that it was given. */
export function readTimeframe(value: unknown, allowed: readonly Timeframe[]): Timeframe {
  const { timeframe } = value as { timeframe: unknown };
  const known = allowed.find((candidate) => candidate === timeframe);
  if (known === undefined) {
    throw new InvalidOpinion(`timeframe is ${shown(timeframe)}, not one of ${allowed.join(', ')}`);
  }
  return known;
}

/** Why a result is dropped, for anything that was thrown while it was asked for; it never throws itself. */
export function describeFailure(thrown: unknown): { readonly reason: 'threw' | 'invalid'; readonly message: string } {
  try {
    if (thrown instanceof InvalidOpinion) return { reason: 'invalid', message: thrown.message };
    if (thrown instanceof Error) return { reason: 'threw', message: clip(`${thrown.name}: ${thrown.message}`) };
    return { reason: 'threw', message: clip(`threw ${shown(thrown)}`) };
  } catch {
    return { reason: 'threw', message: 'threw something that cannot be shown' };
  }
}

function readReasons(reasons: unknown): readonly string[] {
  if (!Array.isArray(reasons)) throw new InvalidOpinion(`reasons are ${shown(reasons)}, not an array of sentences`);
  const count = reasons.length;
  if (count < 1 || count > MOST_REASONS) {
    throw new InvalidOpinion(`there are ${count} reasons, not 1 to ${MOST_REASONS}`);
  }
  return Array.from({ length: count }, (_, index) => {
    const reason: unknown = reasons[index];
    if (typeof reason !== 'string') throw new InvalidOpinion(`reason ${index + 1} is ${shown(reason)}, not a sentence`);
    if (reason.trim() === '' || reason.length > LONGEST_REASON) {
      throw new InvalidOpinion(`reason ${index + 1} has ${reason.length} characters, not 1 to ${LONGEST_REASON}`);
    }
    return reason;
  });
}

function isThenable(value: object): boolean {
  const { then } = value as { then?: unknown };
  if (typeof then !== 'function') return false;
  // Its rejection, if any, belongs to the result that is being refused here and must not surface as unhandled.
  if (value instanceof Promise) void Promise.prototype.catch.call(value, () => {});
  return true;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function clip(text: string): string {
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text;
}

import type { WeightGovernor } from './exchange/governor.js';

/** What is known of this minute's weight; a `WeightGovernor` is one. */
export type WeightBudget = Pick<WeightGovernor, 'budget' | 'weightUsed' | 'waiting' | 'closedForMs' | 'exchangeNow'>;

const MINUTE_MS = 60_000;
/** Of the minute's budget: where background work stops, whoever used it. */
const MOST_SHARE = 0.5;
/** Those who wait for weight are usually through in a moment. */
const LOOK_AGAIN_MS = 1_000;

/**
 * How long background work of `weight` has to wait until it takes nothing away from anyone: half of the minute's budget
 * and `keepFree` of it stay free, and nobody waits. 0 = it may go now.
 */
export function waitForSpareMs(minute: WeightBudget, weight: number, keepFree: number): number {
  const { budget, closedForMs } = minute;
  if (closedForMs > 0) return closedForMs;
  if (minute.waiting > 0) return LOOK_AGAIN_MS;
  const most = Math.min(budget * MOST_SHARE, budget - keepFree);
  return minute.weightUsed + weight <= most ? 0 : MINUTE_MS - (minute.exchangeNow() % MINUTE_MS);
}

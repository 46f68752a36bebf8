import type { Random } from '../lib/random.js';

/**
 * How long background work waits after its `failures`-th failure in a row: doubling from `firstMs` to `longestMs`, and up
 * to a fifth longer by chance, so that the wait named is never undercut.
 */
export function backoffMs(failures: number, firstMs: number, longestMs: number, random: Random): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (1 + random() / 5);
}

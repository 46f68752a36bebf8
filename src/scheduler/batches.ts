import type { Slot } from '../domain/slot.js';
import { chunk } from '../lib/chunk.js';
import { nextTurn } from '../lib/next-turn.js';

/**
 * The batches of a cycle, each symbol in exactly one of them, in the order in which they are to be acquired and
 * analyzed. It may wait before it gives a batch, but not beyond `signal`.
 */
export type BatchOrder = (
  symbols: readonly string[],
  slot: Slot,
  signal: AbortSignal,
) => AsyncIterable<readonly string[]>;

/** Batches of `size` symbols in the given order, all at once; sockets are served between one and the next. */
export function inOrder(size: number): BatchOrder {
  return async function* batches(symbols) {
    for (const batch of chunk(symbols, size)) {
      yield batch;
      await nextTurn();
    }
  };
}

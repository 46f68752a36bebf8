import type { Slot } from '../domain/slot.js';
import { chunk } from '../lib/chunk.js';
import { type Clock, sleep } from '../lib/clock.js';
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

/** The same once the slot has settled: without a stream all of its candles are asked for then. `clock` tells the exchange's time. */
export function onceSettled(order: BatchOrder, settleMs: number, clock: Clock): BatchOrder {
  return async function* batches(symbols, slot, signal) {
    const waitMs = slot + settleMs - clock.now();
    if (waitMs > 0) await sleep(clock, waitMs, signal).catch(() => undefined);
    yield* order(symbols, slot, signal);
  };
}

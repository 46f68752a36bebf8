import { abortable } from '../lib/abort.js';
import { chunk } from '../lib/chunk.js';
import { nextTurn } from '../lib/next-turn.js';
import { type BatchOrder, inOrder } from './batches.js';

export interface Loading {
  /** Symbols of which all that is on disk is in memory once the promise resolves; none is in two of them. */
  readonly loads: readonly Promise<readonly string[]>[];
  /** Whether a symbol needs no request. */
  readonly isComplete: (symbol: string) => boolean;
  /** Called once, when everything is loaded or the signal has fired, before the first batch that needs requests. */
  readonly onLoaded: (incomplete: readonly string[]) => Promise<void>;
}

/**
 * Batches of `size` symbols: those that are complete as soon as they are read from disk, so that they are analyzed while
 * the next ones are read, and after the last of them the others in the given order. A slow disk is waited for until
 * `signal` fires.
 */
export function loadedFirst(size: number, { loads, isComplete, onLoaded }: Loading): BatchOrder {
  return async function* batches(symbols, slot, signal) {
    const left = new Set(symbols);
    let ready: string[] = [];
    for (const load of loads) {
      const read = await abortable(load, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
        return [];
      });
      ready.push(...read.filter((symbol) => left.has(symbol) && isComplete(symbol)));
      while (ready.length >= size) {
        const batch = ready.slice(0, size);
        ready = ready.slice(size);
        for (const symbol of batch) left.delete(symbol);
        yield batch;
        await nextTurn();
      }
    }
    for (const symbol of ready) left.delete(symbol);
    const rest = [...left];
    await onLoaded(rest.filter((symbol) => !isComplete(symbol)));
    yield* chunk(ready, size);
    yield* inOrder(size)(rest, slot, signal);
  };
}

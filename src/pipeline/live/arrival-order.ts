import { chunk } from '../../lib/chunk.js';
import { type Clock, sleep } from '../../lib/clock.js';

export interface ArrivalOrderOptions {
  readonly symbols: readonly string[];
  /** Symbols per batch at most. */
  readonly size: number;
  /** Those that wait for nothing but the stream; the others are handed out at once. */
  readonly awaited: ReadonlySet<string>;
  /** Resolves when the symbol's candles are there or are no longer waited for; never rejects. */
  readonly arrival: (symbol: string) => Promise<void>;
  readonly clock: Clock;
}

/** Closing frames come in bursts: a symbol waits this long for others, so that a batch is worth its message. */
const COMPANY_MS = 20;

/**
 * Batches in the order in which candles arrive, so that nobody waits for the slowest symbol of a batch. Symbols that
 * need more than the stream come first, in the given order, because their requests take the longest.
 */
export async function* arrivalOrder(options: ArrivalOrderOptions): AsyncGenerator<readonly string[]> {
  const { symbols, size, awaited, arrival, clock } = options;
  const ready: string[] = [];
  let wake = () => {};
  const follow = async (symbol: string) => {
    await arrival(symbol);
    ready.push(symbol);
    wake();
  };
  for (const symbol of awaited) void follow(symbol);
  yield* chunk(
    symbols.filter((symbol) => !awaited.has(symbol)),
    size,
  );
  for (let left = awaited.size; left > 0; ) {
    while (ready.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (ready.length < Math.min(size, left)) await sleep(clock, COMPANY_MS);
    const batch = ready.splice(0, size);
    left -= batch.length;
    yield batch;
  }
}

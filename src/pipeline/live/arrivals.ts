import type { Clock } from '../../lib/clock.js';
import { groupBy } from '../../lib/group-by.js';
import type { SeriesKey } from '../source.js';

interface Wait {
  readonly bySymbol: Map<string, SeriesKey[]>;
  readonly isThere: (key: SeriesKey) => boolean;
  readonly finish: () => void;
}

/** Waits for series to arrive, as many at once as there are symbols; every wait has an end. */
export class Arrivals {
  readonly #clock: Clock;
  readonly #waits = new Map<string, Set<Wait>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when every key is there, after `patienceMs`, when `signal` fires, or on `close`, whichever is first. */
  wait(
    keys: readonly SeriesKey[],
    isThere: (key: SeriesKey) => boolean,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const bySymbol = groupBy(keys, ({ symbol }) => symbol);
    if (bySymbol.size === 0 || patienceMs <= 0 || signal.aborted) return Promise.resolve();
    const symbols = [...bySymbol.keys()];
    return new Promise((resolve) => {
      const finish = () => {
        for (const symbol of symbols) this.#remove(symbol, wait);
        cancel();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.#clock.setTimer(patienceMs, finish);
      const wait: Wait = { bySymbol, isThere, finish };
      signal.addEventListener('abort', finish, { once: true });
      for (const symbol of symbols) this.#waits.set(symbol, (this.#waits.get(symbol) ?? new Set()).add(wait));
    });
  }

  /** Series of the symbol changed. */
  arrived(symbol: string): void {
    for (const wait of this.#waits.get(symbol) ?? []) {
      const { bySymbol, isThere, finish } = wait;
      const missing = bySymbol.get(symbol)?.filter((key) => !isThere(key)) ?? [];
      if (missing.length > 0) {
        bySymbol.set(symbol, missing);
        continue;
      }
      bySymbol.delete(symbol);
      this.#remove(symbol, wait);
      if (bySymbol.size === 0) finish();
    }
  }

  close(): void {
    for (const { finish } of new Set([...this.#waits.values()].flatMap((waits) => [...waits]))) finish();
  }

  #remove(symbol: string, wait: Wait): void {
    const waits = this.#waits.get(symbol);
    waits?.delete(wait);
    if (waits?.size === 0) this.#waits.delete(symbol);
  }
}

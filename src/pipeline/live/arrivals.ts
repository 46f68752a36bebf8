import type { Clock } from '../../lib/clock.js';
import { groupBy } from '../../lib/group-by.js';
import type { SeriesKey } from '../source.js';

interface Wait {
  readonly bySymbol: Map<string, SeriesKey[]>;
  readonly isThere: (key: SeriesKey) => boolean;
  readonly finish: () => void;
}

/** Waits for series to arrive, many batches at once; every wait has an end. */
export class Arrivals {
  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();

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
    return new Promise((resolve) => {
      const finish = () => {
        this.#waits.delete(wait);
        cancel();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.#clock.setTimer(patienceMs, finish);
      const wait: Wait = { bySymbol, isThere, finish };
      signal.addEventListener('abort', finish, { once: true });
      this.#waits.add(wait);
    });
  }

  /** Series of the symbol changed. */
  arrived(symbol: string): void {
    for (const { bySymbol, isThere, finish } of this.#waits) {
      const missing = bySymbol.get(symbol)?.filter((key) => !isThere(key));
      if (missing === undefined) continue;
      if (missing.length > 0) bySymbol.set(symbol, missing);
      else bySymbol.delete(symbol);
      if (bySymbol.size === 0) finish();
    }
  }

  close(): void {
    for (const { finish } of this.#waits) finish();
  }
}

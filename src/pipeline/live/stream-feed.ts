import type { Slot } from '../../domain/slot.js';
import { timeframeMs } from '../../domain/timeframe.js';
import { type CandleSource, NOTHING_CAME, type SeriesKey, type SeriesOutcome, type SeriesStore } from '../source.js';
import type { Arrivals } from './arrivals.js';
import type { Assembly } from './assembly.js';
import { isAtSlot } from './at-slot.js';
import type { Derivation } from './derivation.js';

export interface StreamFeedOptions {
  readonly store: SeriesStore;
  readonly derivation: Derivation;
  readonly assembly: Pick<Assembly, 'caughtUp'>;
  readonly arrivals: Arrivals;
  readonly isStreamed: (symbol: string) => boolean;
  /** How long after a slot its candles are waited for. */
  readonly settleMs: () => number;
  /** The exchange's clock, epoch ms. */
  readonly exchangeNow: () => number;
}

/** Closed candles as they close. What has not come when the slot has settled is left to the next source. */
export class StreamFeed implements CandleSource {
  readonly name = 'stream';
  readonly #options: StreamFeedOptions;

  constructor(options: StreamFeedOptions) {
    this.#options = options;
  }

  /** Whether the stream is all that brings the symbol to the slot: nothing before it is missing. */
  isAwaited(keys: readonly SeriesKey[], slot: Slot): boolean {
    const { store, derivation } = this.#options;
    const missing = keys.filter((key) => !isAtSlot(store.get(key), slot));
    const isNext = (key: SeriesKey) => isAtSlot(store.get(key), slot - timeframeMs(derivation.base));
    return missing.length > 0 && missing.every((key) => this.#mayCome(key) && isNext(key));
  }

  /** Resolves when the series are there, the slot has settled, or `signal` fires. */
  arrival(keys: readonly SeriesKey[], slot: Slot, signal: AbortSignal): Promise<void> {
    const { store, arrivals, exchangeNow, settleMs } = this.#options;
    const isThere = (key: SeriesKey) => isAtSlot(store.get(key), slot);
    return arrivals.wait(
      keys.filter((key) => !isThere(key) && this.#mayCome(key)),
      isThere,
      slot + settleMs() - exchangeNow(),
      signal,
    );
  }

  async fill(wanted: readonly SeriesKey[], slot: Slot, signal: AbortSignal): Promise<readonly SeriesOutcome[]> {
    const { store, assembly } = this.#options;
    for (const symbol of new Set(wanted.map((key) => key.symbol))) assembly.caughtUp(symbol);
    const ends = wanted.map((key) => store.get(key)?.lastOpenTime ?? null);
    const isThere = (key: SeriesKey) => isAtSlot(store.get(key), slot);
    await this.arrival(wanted, slot, signal);
    return wanted.map((key, index): SeriesOutcome => {
      const last = store.get(key)?.lastOpenTime ?? null;
      const end = ends[index] ?? null;
      return {
        ...key,
        ...NOTHING_CAME,
        added: last === null || end === null ? 0 : Math.max(0, (last - end) / timeframeMs(key.timeframe)),
        skip: isThere(key) ? null : 'stale',
      };
    });
  }

  /** A series that nobody streams, or that has nothing to go on from, is not waited for. */
  #mayCome(key: SeriesKey): boolean {
    const { store, derivation, isStreamed } = this.#options;
    if (!isStreamed(key.symbol)) return false;
    return key.timeframe === derivation.base ? (store.get(key)?.length ?? 0) > 0 : derivation.reaches(key);
  }
}

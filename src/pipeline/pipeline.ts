import type { SeriesWindow } from '../domain/series.js';
import { lastClosedOpenTime, type Slot } from '../domain/slot.js';
import type { Timeframe } from '../domain/timeframe.js';
import type { Clock } from '../lib/clock.js';
import type { CandleSource, SeriesKey, SeriesOutcome, SeriesStore, SkipReason } from './source.js';

/** What one source did for a batch, with the monotonic milliseconds between which it did it. */
export interface Fill {
  readonly source: CandleSource['name'];
  readonly outcomes: readonly SeriesOutcome[];
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A batch of symbols brought to a slot. */
export interface Acquired {
  /** The series that end at the slot, symbol by symbol. */
  readonly windows: readonly SeriesWindow[];
  readonly skipped: readonly (SeriesKey & { readonly reason: SkipReason; readonly have: number })[];
  /** What each source did, in the order in which they were asked. */
  readonly filled: readonly Fill[];
  /** Series that ended at the slot before any source was asked. */
  readonly held: number;
}

export interface PipelineOptions {
  readonly store: SeriesStore;
  /** Asked in this order. */
  readonly sources: readonly CandleSource[];
  readonly timeframes: readonly Timeframe[];
  readonly clock: Clock;
}

/** The one way to candles: what is held, then each source for what is still missing. */
export class Pipeline {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Brings every timeframe of the symbols to the slot, as far as the sources can before `signal` fires. */
  async acquire(symbols: readonly string[], slot: Slot, signal: AbortSignal): Promise<Acquired> {
    const { store, sources, timeframes, clock } = this.#options;
    const keys = symbols.flatMap((symbol) => timeframes.map((timeframe) => ({ symbol, timeframe })));
    for (const key of keys) store.touch?.(key);
    let missing: readonly SeriesKey[] = keys.filter((key) => !this.#isAtSlot(key, slot));
    const held = keys.length - missing.length;
    const filled: Fill[] = [];
    for (const source of sources) {
      if (missing.length === 0) break;
      const startedAt = clock.monotonic();
      const outcomes = await source.fill(missing, slot, signal);
      filled.push({ source: source.name, outcomes, startedAt, endedAt: clock.monotonic() });
      missing = missing.filter((key) => !this.#isAtSlot(key, slot));
    }
    const reasons = new Map(
      filled.flatMap(({ outcomes }) => outcomes.map((outcome) => [keyText(outcome), outcome.skip])),
    );
    const lacking = new Set(missing.map(keyText));
    return {
      windows: keys.flatMap((key) =>
        lacking.has(keyText(key))
          ? []
          : (store.get(key)?.window({ until: lastClosedOpenTime(slot, key.timeframe) }) ?? []),
      ),
      skipped: missing.map((key) => ({
        ...key,
        reason: reasons.get(keyText(key)) ?? 'timeout',
        have: store.get(key)?.length ?? 0,
      })),
      filled,
      held,
    };
  }

  #isAtSlot(key: SeriesKey, slot: Slot): boolean {
    const last = this.#options.store.get(key)?.lastOpenTime ?? null;
    return last !== null && last >= lastClosedOpenTime(slot, key.timeframe);
  }
}

function keyText({ symbol, timeframe }: SeriesKey): string {
  return `${symbol}@${timeframe}`;
}

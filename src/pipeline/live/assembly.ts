import type { CandleRow } from '../../domain/candle.js';
import type { Slot } from '../../domain/slot.js';
import { timeframeMs } from '../../domain/timeframe.js';
import type { SeriesKey, SeriesStore } from '../source.js';
import type { ClosedBy } from '../stream/contract.js';
import type { LiveCounts } from './counts.js';
import type { Derivation } from './derivation.js';

/** Closed candles of one series that wait for the ones before them. More are a hole like any other. */
const MOST_WAITING = 4;

export interface Closed {
  readonly row: CandleRow;
  readonly how: ClosedBy;
}

export interface AssemblyOptions {
  readonly store: SeriesStore;
  readonly derivation: Derivation;
  readonly counts: LiveCounts;
  /** Series of the symbol grew. */
  readonly onAdvanced: (symbol: string) => void;
  /** The base series lacks candles that closed by `slot`. */
  readonly onGap: (symbol: string, slot: Slot) => void;
  /** Candles of the series that opened at `since` or later changed. */
  readonly onRevision: (key: SeriesKey, since: number) => void;
}

/**
 * Puts closed base candles of the stream into their series, in order and once, and derives the longer ones. A candle
 * behind a hole, or of a series that is not loaded yet, waits until others have brought the series up to it.
 */
export class Assembly {
  readonly #options: AssemblyOptions;
  readonly #stepMs: number;
  /** Ascending by open time; a symbol is here only while something waits. */
  readonly #waiting = new Map<string, Closed[]>();

  constructor(options: AssemblyOptions) {
    this.#options = options;
    this.#stepMs = timeframeMs(options.derivation.base);
  }

  /** A candle of the stream, each once and ascending. */
  take(symbol: string, closed: Closed): void {
    const waiting = this.#waiting.get(symbol) ?? [];
    waiting.push(closed);
    if (waiting.length > MOST_WAITING) waiting.shift();
    this.#waiting.set(symbol, waiting);
    const blocked = this.#drain(symbol);
    if (blocked === 'gap') this.#options.onGap(symbol, (waiting[0] as Closed).row[0]);
  }

  /** The exchange says something else about a closed base candle. */
  restate(symbol: string, row: CandleRow): void {
    const { store } = this.#options;
    const waiting = this.#waiting.get(symbol);
    const index = waiting?.findIndex((closed) => closed.row[0] === row[0]) ?? -1;
    if (waiting !== undefined && index >= 0) {
      waiting[index] = { ...(waiting[index] as Closed), row };
      return;
    }
    const series = store.get(this.#baseKey(symbol));
    if (series?.revise(row, 'stream', row[0] + this.#stepMs) !== 'revised') return;
    store.set(series);
    this.revised(this.#baseKey(symbol), row[0]);
  }

  /** Another source brought the base series on: what waited for that goes in, and longer candles are derived. */
  caughtUp(symbol: string): void {
    this.#options.derivation.extend(symbol);
    this.#drain(symbol);
    this.#options.onAdvanced(symbol);
  }

  /** `count` candles held that opened at `since` or later changed: so do the longer ones made of them. */
  revised(key: SeriesKey, since: number, count = 1): void {
    const { derivation, counts, onRevision } = this.#options;
    counts.revised += count;
    onRevision(key, since);
    if (key.timeframe !== derivation.base) return;
    for (const { openTime, ...longer } of derivation.remake(key.symbol, since)) onRevision(longer, openTime);
  }

  forget(symbol: string): void {
    this.#waiting.delete(symbol);
  }

  /** Appends what waits, as far as it follows. Returns what stops the rest, or null when nothing waits any more. */
  #drain(symbol: string): 'unloaded' | 'gap' | null {
    const { store, counts, derivation, onAdvanced } = this.#options;
    const waiting = this.#waiting.get(symbol);
    if (waiting === undefined) return null;
    const series = store.get(this.#baseKey(symbol));
    // One candle is no series: the first ones are history's, which looks as far back as the analyzers need.
    if (series === undefined || series.length === 0) return 'unloaded';
    let added = 0;
    let blocked = false;
    for (let next = waiting[0]; next !== undefined && !blocked; next = waiting[0]) {
      const refusal = series.append(next.row, 'stream', next.row[0] + this.#stepMs);
      blocked = refusal === 'gap';
      if (blocked) break;
      waiting.shift();
      if (refusal === null) {
        added += 1;
        counts.closed[next.how] += 1;
      } else if (refusal !== 'duplicate' && refusal !== 'order') counts.refused += 1;
    }
    if (!blocked) this.#waiting.delete(symbol);
    if (added > 0) {
      store.set(series);
      derivation.extend(symbol);
      onAdvanced(symbol);
    }
    return blocked ? 'gap' : null;
  }

  #baseKey(symbol: string): SeriesKey {
    return { symbol, timeframe: this.#options.derivation.base };
  }
}

import { deriveCandle, isDerivable } from '../../domain/derive.js';
import { floorToTimeframe, type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import type { SeriesKey, SeriesStore } from '../source.js';
import type { LiveCounts } from './counts.js';

export interface DerivationOptions {
  readonly store: SeriesStore;
  readonly base: Timeframe;
  /** Timeframes to build; those that the base does not divide are left out. */
  readonly longer: readonly Timeframe[];
  readonly counts: Pick<LiveCounts, 'derived' | 'revised'>;
}

/** Keeps the longer series of a store in step with their base series. It goes on from what is held, and starts none. */
export class Derivation {
  readonly base: Timeframe;
  readonly longer: readonly Timeframe[];
  readonly #store: SeriesStore;
  readonly #counts: DerivationOptions['counts'];

  constructor({ store, base, longer, counts }: DerivationOptions) {
    this.base = base;
    this.longer = longer.filter((timeframe) => isDerivable(timeframe, base));
    this.#store = store;
    this.#counts = counts;
  }

  /** Appends every candle whose span is whole to the longer series that end right before it. */
  extend(symbol: string): void {
    const base = this.#store.get({ symbol, timeframe: this.base });
    if (base === undefined) return;
    for (const timeframe of this.longer) {
      const series = this.#store.get({ symbol, timeframe });
      if (series === undefined) continue;
      const spanMs = timeframeMs(timeframe);
      let added = 0;
      for (let last = series.lastOpenTime; last !== null; last += spanMs) {
        const row = deriveCandle(base, timeframe, last + spanMs);
        if (row === null || series.append(row, 'derived', row[0] + spanMs) !== null) break;
        added += 1;
      }
      if (added === 0) continue;
      this.#counts.derived += added;
      this.#store.set(series);
    }
  }

  /** Makes the longer candles again that hold base candles opened at `since` or later; returns those that changed. */
  remake(symbol: string, since: number): readonly (SeriesKey & { readonly openTime: number })[] {
    const base = this.#store.get({ symbol, timeframe: this.base });
    if (base === undefined) return [];
    return this.longer.flatMap((timeframe) => {
      const series = this.#store.get({ symbol, timeframe });
      if (series === undefined) return [];
      const spanMs = timeframeMs(timeframe);
      const changed: (SeriesKey & { readonly openTime: number })[] = [];
      for (
        let openTime = floorToTimeframe(since, timeframe);
        openTime <= (series.lastOpenTime ?? 0);
        openTime += spanMs
      ) {
        const row = deriveCandle(base, timeframe, openTime);
        if (row === null || series.revise(row, 'derived', openTime + spanMs) !== 'revised') continue;
        changed.push({ symbol, timeframe, openTime });
      }
      if (changed.length > 0) this.#store.set(series);
      this.#counts.revised += changed.length;
      return changed;
    });
  }

  /** Whether a series needs nothing but base candles to go on: it holds some, and the base reaches back to its end. */
  reaches({ symbol, timeframe }: SeriesKey): boolean {
    if (!this.longer.includes(timeframe)) return false;
    const last = this.#store.get({ symbol, timeframe })?.lastOpenTime ?? null;
    const first = this.#store.get({ symbol, timeframe: this.base })?.firstOpenTime ?? null;
    return last !== null && first !== null && first <= last + timeframeMs(timeframe);
  }
}

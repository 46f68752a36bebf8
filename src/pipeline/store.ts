import type { Series } from '../domain/series.js';
import type { SeriesKey, SeriesStore } from './source.js';

/** The series of a process that keeps nothing: a plain map, bounded by the universe. */
export class MemoryStore implements SeriesStore {
  readonly #series = new Map<string, Series>();

  get({ symbol, timeframe }: SeriesKey): Series | undefined {
    return this.#series.get(`${symbol}@${timeframe}`);
  }

  set(series: Series): void {
    this.#series.set(`${series.symbol}@${series.timeframe}`, series);
  }
}

import type { SeriesWindow } from '../domain/series.js';
import type { Clock } from '../lib/clock.js';

/** How long batches took from the arrival of their last candle until what was found in them was published. */
export interface LatencySummary {
  readonly batches: number;
  readonly medianMs: number;
  readonly maxMs: number;
}

/** Collects that over one cycle, for the batches whose candles came while it ran. */
export class Latencies {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #arrivedAt: (symbol: string) => number | null;
  readonly #startedMs: number;
  readonly #latenciesMs: number[] = [];

  constructor(clock: Pick<Clock, 'monotonic'>, arrivedAt: (symbol: string) => number | null) {
    this.#clock = clock;
    this.#arrivedAt = arrivedAt;
    this.#startedMs = clock.monotonic();
  }

  /** What these windows gave is published now. */
  published(windows: readonly Pick<SeriesWindow, 'symbol'>[]): void {
    const arrivals = windows.map(({ symbol }) => this.#arrivedAt(symbol) ?? 0);
    const last = arrivals.reduce((latest, arrivedMs) => Math.max(latest, arrivedMs), 0);
    if (last >= this.#startedMs) this.#latenciesMs.push(this.#clock.monotonic() - last);
  }

  /** Null when no batch had a candle that came meanwhile. */
  summary(): LatencySummary | null {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    const batches = sorted.length;
    if (batches === 0) return null;
    return { batches, medianMs: sorted[Math.floor(batches / 2)] as number, maxMs: sorted[batches - 1] as number };
  }
}

import type { Clock } from '../lib/clock.js';

/**
 * A token bucket over the rows that replies hold: making them runs on the thread of the cycles, so there are only so
 * many a second for all clients together, with two seconds' worth to begin with.
 */
export class RowBudget {
  readonly #clock: Clock;
  readonly #rowsPerMs: number;
  readonly #most: number;
  #left: number;
  #filledAtMs: number;
  #refused = 0;

  constructor(rowsPerSecond: number, clock: Clock) {
    this.#clock = clock;
    this.#rowsPerMs = rowsPerSecond / 1_000;
    this.#most = rowsPerSecond * 2;
    this.#left = this.#most;
    this.#filledAtMs = clock.monotonic();
  }

  /** Takes `rows`, or nothing and returns the milliseconds after which there will be as many. */
  take(rows: number): number {
    const nowMs = this.#clock.monotonic();
    this.#left = Math.min(this.#most, this.#left + (nowMs - this.#filledAtMs) * this.#rowsPerMs);
    this.#filledAtMs = nowMs;
    if (rows > this.#left) {
      this.#refused += 1;
      return (rows - this.#left) / this.#rowsPerMs;
    }
    this.#left -= rows;
    return 0;
  }

  giveBack(rows: number): void {
    this.#left += rows;
  }

  stats() {
    return { refusedForRows: this.#refused };
  }
}

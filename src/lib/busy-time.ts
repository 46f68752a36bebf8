import type { Clock } from './clock.js';

/** How long at least one of several overlapping things was going on. */
export class BusyTime {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #underWay = 0;
  #sinceMs = 0;
  #totalMs = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Milliseconds of what has ended. */
  get totalMs(): number {
    return this.#totalMs;
  }

  /** Settles as `run` does. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    if (this.#underWay === 0) this.#sinceMs = this.#clock.monotonic();
    this.#underWay += 1;
    try {
      return await run();
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#totalMs += this.#clock.monotonic() - this.#sinceMs;
    }
  }
}

import { type Clock, sleep, systemClock } from '../../src/lib/clock.js';

/** The real clock, put to `startMs` (epoch ms): a day, and so a market, that is the same in every run. */
export class ShiftedClock implements Clock {
  readonly #offsetMs: number;
  #skippedMs = 0;

  constructor(startMs: number) {
    this.#offsetMs = startMs - systemClock.monotonic();
  }

  /** From the monotonic clock, so that nobody who sets the machine's clock disturbs a test. */
  now(): number {
    return Math.floor(systemClock.monotonic() + this.#offsetMs);
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#skippedMs;
  }

  setTimer(delayMs: number, callback: () => void) {
    return systemClock.setTimer(delayMs, callback);
  }

  /** Makes everything older: monotonic time goes on, wall time and timers stay. */
  age(ms: number): void {
    this.#skippedMs += ms;
  }

  /** Resolves at `time` (epoch ms). */
  async until(time: number): Promise<void> {
    while (this.now() < time) await sleep(this, time - this.now());
  }
}

import type { Clock } from '../../lib/clock.js';

/** The exchange bans for three days at most. */
const LONGEST_HOLD_MS = 3 * 24 * 60 * 60_000;

/**
 * Open, or closed until a known time. It is measured on the monotonic clock, so that setting the wall clock does not
 * shorten a hold; the time is kept beside it, because a ban outlives the process and its monotonic clock.
 */
export class Gate {
  readonly #clock: Clock;
  #opensAtMs = Number.NEGATIVE_INFINITY;
  #closedUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until it opens again; 0 = open. */
  get closedForMs(): number {
    return Math.max(0, this.#opensAtMs - this.#clock.monotonic());
  }

  /** Epoch ms (exchange's clock) at which it opens again, or null when it is open. */
  get closedUntil(): number | null {
    return this.closedForMs > 0 ? this.#closedUntil : null;
  }

  /** Closes it until `untilMs` (epoch ms), where the exchange's clock shows `now`. A hold is only ever prolonged. */
  close(untilMs: number, now: number): void {
    if (!Number.isFinite(untilMs)) throw new RangeError(`a hold must end at a time in epoch ms, not ${untilMs}`);
    const forMs = Math.min(untilMs - now, LONGEST_HOLD_MS);
    const opensAtMs = this.#clock.monotonic() + forMs;
    if (opensAtMs <= this.#opensAtMs) return;
    this.#opensAtMs = opensAtMs;
    this.#closedUntil = now + forMs;
  }
}

import type { Clock } from '../../lib/clock.js';

const MINUTE_MS = 60_000;
/** Until the exchange's clock has been read, ours is taken to be this close to it. */
const UNSYNCED_ERROR_MS = 250;

/**
 * The exchange's time and its UTC minutes, as far as they are known. It is what was read last plus what has passed on
 * the monotonic clock since, so that nobody who sets the wall clock moves a minute; the wall clock is asked once, for
 * the time before the first reading.
 */
export class MinuteClock {
  readonly #clock: Clock;
  /** Exchange's clock minus monotonic clock, and how far that may be off. */
  #offsetMs: number;
  #errorMs = UNSYNCED_ERROR_MS;
  #doubted = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  /** Epoch ms. */
  now(): number {
    return this.#clock.monotonic() + this.#offsetMs;
  }

  /** Since the epoch. */
  get minute(): number {
    return Math.floor(this.now() / MINUTE_MS);
  }

  get leftOfMinuteMs(): number {
    return MINUTE_MS - this.#intoMinuteMs();
  }

  /** How far it may be off, a quarter of a minute at most. */
  get errorMs(): number {
    return this.#errorMs;
  }

  /** The exchange's minute may begin later than ours: for so long what goes out may be charged to the old one. */
  get quietForMs(): number {
    return Math.max(0, this.#errorMs - this.#intoMinuteMs());
  }

  /** Whether it has to be read anew, since it may be any other minute by now. */
  get doubted(): boolean {
    return this.#doubted;
  }

  /** The exchange's clock shows `exchangeTime` now, give or take `errorMs`. */
  set(exchangeTime: number, errorMs: number): void {
    this.#offsetMs = exchangeTime - this.#clock.monotonic();
    this.#errorMs = Math.min(Math.max(0, errorMs), MINUTE_MS / 4);
    this.#doubted = false;
  }

  /** Until it is set again. */
  doubt(): void {
    this.#doubted = true;
  }

  #intoMinuteMs(): number {
    return this.now() - this.minute * MINUTE_MS;
  }
}

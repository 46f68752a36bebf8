import type { Clock } from '../../lib/clock.js';

const WINDOW_MS = 5 * 60_000;

/** Handshakes of each address in the last five minutes. */
export class ConnectAttempts {
  readonly #clock: Clock;
  readonly #most: number | null;
  /** Monotonic ms of the attempts that were let in, by address; at most `most` each. */
  readonly #times = new Map<string, number[]>();

  /** `most` null lets everybody in. */
  constructor(clock: Clock, most: number | null) {
    this.#clock = clock;
    this.#most = most;
  }

  /** False when the address has had its share. */
  take(address: string): boolean {
    if (this.#most === null) return true;
    const now = this.#clock.monotonic();
    const recent = (this.#times.get(address) ?? []).filter((time) => time > now - WINDOW_MS);
    this.#times.set(address, recent);
    if (recent.length >= this.#most) return false;
    recent.push(now);
    return true;
  }
}

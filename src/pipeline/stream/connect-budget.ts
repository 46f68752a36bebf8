import type { Cancel, Clock } from '../../lib/clock.js';
import type { Random } from '../../lib/random.js';

/** The exchange allows 300 attempts per 5 minutes and address; others may share the address, so we take a tenth. */
const ATTEMPTS_PER_WINDOW = 30;
const WINDOW_MS = 5 * 60_000;
const SHORTEST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 60_000;
/** A connection that lived this long says that connecting works; one that died sooner counts as a failed attempt. */
const STABLE_MS = 60_000;

export interface ConnectBudgetOptions {
  readonly clock: Clock;
  readonly random: Random;
}

/** How an attempt ended; all times are of the monotonic clock. */
export interface AttemptOutcome {
  readonly attemptedAt: number;
  /** Null when the connection never brought data. */
  readonly provenAt: number | null;
}

/**
 * Who may connect when: one queue for all connections to the exchange.
 *
 * At most 30 attempts start in any 5 minutes, whatever happens. After a failure attempts go one at a time, each after
 * exponential backoff with full jitter between 0.5 and 60 s, without end; as soon as one of them brings data the next in the
 * queue goes at once. So an exchange that is down is probed by one connection, not by all, and when it is back all follow.
 *
 * Full jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015.
 */
export class ConnectBudget {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #queue = new Set<() => void>();
  /** Start times of the newest attempts, ascending. */
  readonly #attempts: number[] = [];
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #cancelTimer: Cancel | null = null;
  #total = 0;

  constructor({ clock, random }: ConnectBudgetOptions) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Attempts ever granted. */
  get total(): number {
    return this.#total;
  }

  /** Calls `go` once, at once or later, when a connection may be attempted; attempts are granted in the order of the requests. */
  request(go: () => void): Cancel {
    // A wrapper, so that the same function may wait twice.
    const entry = () => go();
    this.#queue.add(entry);
    this.#pump();
    return () => {
      this.#queue.delete(entry);
    };
  }

  /** A connection brought its first data. */
  proven(): void {
    this.#notBefore = Number.NEGATIVE_INFINITY;
    this.#pump();
  }

  /** A connection, or an attempt at one, ended against our will. */
  lost({ attemptedAt, provenAt }: AttemptOutcome): void {
    const now = this.#clock.monotonic();
    if (provenAt !== null && now - provenAt >= STABLE_MS) this.#failures = 1;
    // Connections that fall together are one failure: those attempted before the last one were not attempted against it.
    else if (attemptedAt > this.#failedAt) this.#failures += 1;
    else return;
    this.#failedAt = now;
    this.#notBefore = now + this.#delayMs();
  }

  close(): void {
    this.#queue.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #pump(): void {
    for (const go of this.#queue) {
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        this.#cancelTimer?.();
        this.#cancelTimer = this.#clock.setTimer(Math.ceil(waitMs), () => this.#pump());
        return;
      }
      this.#queue.delete(go);
      this.#charge();
      go();
    }
  }

  #waitMs(): number {
    const now = this.#clock.monotonic();
    const oldest = this.#attempts.length < ATTEMPTS_PER_WINDOW ? undefined : this.#attempts[0];
    return Math.max(this.#notBefore - now, oldest === undefined ? 0 : oldest + WINDOW_MS - now);
  }

  #charge(): void {
    const now = this.#clock.monotonic();
    this.#total += 1;
    this.#attempts.push(now);
    if (this.#attempts.length > ATTEMPTS_PER_WINDOW) this.#attempts.shift();
    if (this.#failures > 0) this.#notBefore = now + this.#delayMs();
  }

  #delayMs(): number {
    const ceiling = Math.min(LONGEST_DELAY_MS, SHORTEST_DELAY_MS * 2 ** this.#failures);
    return SHORTEST_DELAY_MS + this.#random() * (ceiling - SHORTEST_DELAY_MS);
  }
}

import { type Clock, sleep } from './clock.js';
import type { Random } from './random.js';

/**
 * Bounds what retrying adds to the load of a service that is already ill: every first attempt earns a fraction of a
 * retry, every retry spends a whole one, and what is saved up is capped.
 */
export class RetryBudget {
  readonly #earned: number;
  readonly #most: number;
  #tokens: number;

  /** `ratio`: retries per first attempt in the long run; `initial`: to begin with; `most`: what can be saved up. */
  constructor({ ratio = 0.1, initial = 10, most = 100 }: { ratio?: number; initial?: number; most?: number } = {}) {
    this.#earned = ratio;
    this.#most = most;
    this.#tokens = Math.min(initial, most);
  }

  earn(): void {
    this.#tokens = Math.min(this.#most, this.#tokens + this.#earned);
  }

  /** Whether one more retry may be made; takes it. */
  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

export interface RetryOptions {
  /** Attempts after the first. */
  readonly retries: number;
  readonly isRetryable: (error: unknown) => boolean;
  /** How long the error itself says to wait (ms, 0 = at once), or null to back off. `retry` is 1 for the first one. */
  readonly retryAfterMs?: (error: unknown, retry: number) => number | null;
  /** The longest first wait; it doubles with every retry up to `longestBackoffMs`. */
  readonly backoffMs: number;
  readonly longestBackoffMs: number;
  readonly budget: RetryBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
  readonly onRetry?: () => void;
}

/**
 * Runs `attempt` until it succeeds, fails in a way that trying again cannot help, or the retries or the budget are
 * used up; then rejects with the last error. A fired signal rejects with its reason.
 *
 * Waits are full jitter, uniform in [0, min(longest, base * 2^n)): https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { budget, signal, clock, random } = options;
  budget.earn();
  for (let retries = 0; ; ) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (retries === options.retries || !options.isRetryable(error) || !budget.spend()) throw error;
      retries += 1;
      const ceilingMs = Math.min(options.longestBackoffMs, options.backoffMs * 2 ** (retries - 1));
      const waitMs = options.retryAfterMs?.(error, retries) ?? random() * ceilingMs;
      if (waitMs > 0) await sleep(clock, waitMs, signal);
      options.onRetry?.();
    }
  }
}

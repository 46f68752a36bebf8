import type { Clock } from '../lib/clock.js';
import type { Random } from '../lib/random.js';
import { Releasers } from '../lib/releasers.js';
import { RetryBudget, retry } from '../lib/retry.js';

export interface OpeningOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends it; what the attempt under way acquired is released. */
  readonly signal: AbortSignal;
  /** An attempt failed, and what it acquired is released. */
  readonly onFailure: (error: unknown) => void;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/**
 * Makes attempts until one succeeds, and resolves with what releases what that one acquired; with null when `signal`
 * fired before. Never rejects.
 */
export async function openAtLast(
  attempt: (releasers: Releasers) => Promise<void>,
  { clock, random, signal, onFailure }: OpeningOptions,
): Promise<Releasers | null> {
  const once = async () => {
    const releasers = new Releasers();
    try {
      await attempt(releasers);
      signal.throwIfAborted();
      return releasers;
    } catch (error) {
      await releasers.release().catch(onFailure);
      if (!signal.aborted) onFailure(error);
      throw error;
    }
  };
  const endless = { initial: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY };
  try {
    return await retry(once, {
      retries: Number.POSITIVE_INFINITY,
      budget: new RetryBudget(endless),
      isRetryable: () => true,
      backoffMs: FIRST_RETRY_MS,
      longestBackoffMs: LONGEST_RETRY_MS,
      clock,
      random,
      signal,
    });
  } catch {
    // Nothing but the signal ends the attempts.
    return null;
  }
}

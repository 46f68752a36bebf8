import { type Clock, sleep } from '../lib/clock.js';
import type { PauseNotice } from '../lib/pause-watch.js';
import type { Random } from '../lib/random.js';
import { RetryBudget, retry } from '../lib/retry.js';
import type { ExchangeClient } from '../pipeline/exchange/contract.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';

export interface ExchangeClockOptions {
  /** Tells the governor of the exchange's time by itself. */
  readonly client: Pick<ExchangeClient, 'serverTime'>;
  readonly governor: Pick<WeightGovernor, 'exchangeNow' | 'setExchangeTime' | 'doubtExchangeTime'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Between two readings when all is well. */
  readonly everyMs?: number;
  /** The wall clock began to differ from the exchange's by more than a second, or ceased to: once per change. */
  readonly onSkew?: (skew: { readonly skewMs: number; readonly skewed: boolean }) => void;
  /** A reading failed, for the `inARow`th time; it is tried again. */
  readonly onError?: (error: unknown, inARow: number) => void;
}

export interface ExchangeClockStats {
  /** Wall clock minus exchange's clock. */
  readonly skewMs: number;
  readonly readingsTotal: number;
  readonly failuresTotal: number;
  /** Since the last reading that was used; null before the first one. */
  readonly ageMs: number | null;
}

/** What a reply says of the exchange's clock minus the monotonic one: it lies in between, wherever the time was spent. */
interface OffsetBounds {
  readonly lowMs: number;
  readonly highMs: number;
}

const EVERY_MS = 10 * 60_000;
const BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 60_000;
const SKEW_MS = 1_000;
/** A reading that contradicts what is known by more has to be confirmed by a second one. */
const DOUBT_MS = 1_000;
/** How far our own estimate is taken to be off when the governor is given it. */
const ESTIMATE_ERROR_MS = 500;

/**
 * Keeps the exchange's time over months. Between readings it goes by the monotonic clock, so that nobody who sets the
 * wall clock moves a slot; what drifts meanwhile is corrected by the next reading, and what stopped with the machine by
 * a reading at once. One wrong answer does not move it, because slots only ever go forward.
 */
export class ExchangeClockKeeper {
  /** Resolves with the first reading that is used; before it the time is only our own. */
  readonly synchronized: Promise<void>;
  readonly #options: ExchangeClockOptions;
  #onSynchronized: () => void = () => {};
  /** Exchange's clock minus monotonic clock. */
  #offsetMs: number;
  #readAtMs: number | null = null;
  #skewed = false;
  #readingsTotal = 0;
  #failuresTotal = 0;
  #failuresInARow = 0;
  /** What is being waited for, a reading or the time for one. */
  #round = new AbortController();
  #keeping: Promise<void> | null = null;
  #stopped = false;

  constructor(options: ExchangeClockOptions) {
    const { governor, clock } = options;
    this.#options = options;
    this.#offsetMs = governor.exchangeNow() - clock.monotonic();
    this.synchronized = new Promise((resolve) => {
      this.#onSynchronized = resolve;
    });
  }

  /** Reads at once, and from then on. */
  start(): void {
    this.#keeping ??= this.#keep();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#round.abort();
    await this.#keeping;
  }

  /** The exchange's time as far as it is known, epoch ms; the local wall clock has no part in it after the start. */
  exchangeNow(): number {
    return this.#options.clock.monotonic() + this.#offsetMs;
  }

  /** Wall clock minus exchange's clock. */
  skewMs(): number {
    return this.#options.clock.now() - this.exchangeNow();
  }

  stats(): ExchangeClockStats {
    const { clock } = this.#options;
    return {
      skewMs: this.skewMs(),
      readingsTotal: this.#readingsTotal,
      failuresTotal: this.#failuresTotal,
      ageMs: this.#readAtMs === null ? null : clock.monotonic() - this.#readAtMs,
    };
  }

  /** Reads anew, now. A reading under way is void: it may span what gave reason to ask. */
  refresh(): void {
    this.#round.abort();
  }

  /** To be told of what a `PauseWatch` notices. */
  notice({ kind }: Pick<PauseNotice, 'kind'>): void {
    if (kind === 'lag') return;
    // What stopped the process may have stopped the monotonic clock, which the governor goes by too; the exchange may be
    // long in answering.
    if (kind === 'pause') this.#options.governor.doubtExchangeTime();
    // A machine whose clocks all stood still shows nothing but a jump.
    this.refresh();
  }

  async #keep(): Promise<void> {
    while (!this.#stopped) {
      const round = new AbortController();
      this.#round = round;
      // Ends when the round is aborted and in no other way, because what fails is tried again.
      await this.#readAndWait(round.signal).catch(() => undefined);
    }
  }

  async #readAndWait(signal: AbortSignal): Promise<void> {
    const { clock, random, everyMs = EVERY_MS } = this.#options;
    for (;;) {
      await retry(() => this.#attempt(signal), {
        retries: Number.POSITIVE_INFINITY,
        budget: new RetryBudget({ initial: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY }),
        isRetryable: () => true,
        backoffMs: BACKOFF_MS,
        longestBackoffMs: LONGEST_BACKOFF_MS,
        clock,
        random,
        signal,
      });
      await sleep(clock, everyMs, signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    try {
      await this.#read(signal);
      this.#failuresInARow = 0;
    } catch (error) {
      if (!signal.aborted) {
        this.#failuresTotal += 1;
        this.#failuresInARow += 1;
        this.#options.onError?.(error, this.#failuresInARow);
      }
      throw error;
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const first = await this.#ask(signal);
    if (distance(this.#offsetMs, first) <= DOUBT_MS) return this.#take(clamp(this.#offsetMs, first));
    const second = await this.#ask(signal);
    if (apart(first, second) <= DOUBT_MS) return this.#take((second.lowMs + second.highMs) / 2);
    this.#governByEstimate();
    throw new Error(`the exchange gave two times that are ${Math.round(apart(first, second))} ms apart`);
  }

  /** The exchange took its time somewhere between the two ends of the request (Cristian's algorithm). */
  async #ask(signal: AbortSignal): Promise<OffsetBounds> {
    const { client, clock } = this.#options;
    const { serverTime, roundTripMs } = await client.serverTime({ lane: 'urgent', signal });
    signal.throwIfAborted();
    const lowMs = serverTime - clock.monotonic();
    return { lowMs, highMs: lowMs + roundTripMs };
  }

  #take(offsetMs: number): void {
    this.#offsetMs = offsetMs;
    this.#readAtMs = this.#options.clock.monotonic();
    this.#readingsTotal += 1;
    this.#onSynchronized();
    const skewMs = this.skewMs();
    const skewed = Math.abs(skewMs) > SKEW_MS;
    if (skewed === this.#skewed) return;
    this.#skewed = skewed;
    this.#options.onSkew?.({ skewMs, skewed });
  }

  /** The client has told the governor both answers, and neither can be relied on, nor quite our own time. */
  #governByEstimate(): void {
    const { governor } = this.#options;
    governor.setExchangeTime(this.exchangeNow(), ESTIMATE_ERROR_MS);
    governor.doubtExchangeTime();
  }
}

/** What agrees with a reading is kept: a slow reply must not move a good estimate. */
function clamp(offsetMs: number, { lowMs, highMs }: OffsetBounds): number {
  return Math.min(Math.max(offsetMs, lowMs), highMs);
}

function distance(offsetMs: number, bounds: OffsetBounds): number {
  return Math.abs(offsetMs - clamp(offsetMs, bounds));
}

function apart(a: OffsetBounds, b: OffsetBounds): number {
  return Math.max(a.lowMs - b.highMs, b.lowMs - a.highMs, 0);
}

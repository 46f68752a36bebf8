import { isDeepStrictEqual } from 'node:util';
import type { Cancel, Clock } from '../lib/clock.js';
import type { Random } from '../lib/random.js';
import { backoffMs } from './backoff.js';
import { Denials } from './denials.js';
import type { ExchangeClient, RequestOptions } from './exchange/contract.js';
import type { ContractInfo } from './stream/contract.js';
import { type Exclusion, needsQuoteVolumes, selectUniverse, type Universe, type UniverseFilters } from './universe.js';
import { changeTo, doubtOf, isNews, narrowed, type UniverseChange, without } from './universe-change.js';

export interface UniverseListener {
  /** Symbols came or went; never called without either. */
  onChange(change: UniverseChange): void;
  /** A refresh failed, or `onChange` threw. The universe stays what it is. */
  onError(error: unknown): void;
}

/** What may change while a keeper is at work. */
export interface UniverseSettings {
  readonly filters: UniverseFilters;
  readonly refreshEveryMs: number;
}

export interface UniverseKeeperOptions extends UniverseSettings {
  readonly client: Pick<ExchangeClient, 'exchangeInfo' | 'quoteVolumes'>;
  /** The exchange's clock, epoch ms. */
  readonly exchangeNow: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: UniverseListener;
}

export interface UniverseStats {
  /** Lists that were read. */
  readonly refreshes: number;
  readonly failures: number;
  /** Lists that were not believed, because too much was missing. */
  readonly doubted: number;
  readonly added: number;
  readonly removed: number;
  /** Exchange's clock, epoch ms. */
  readonly lastRefreshAt: number | null;
}

/** Share of the period by which a refresh may come early, so that processes do not ask in step. It never comes late. */
const JITTER = 0.1;
/** News come in bursts, and one list answers them all. */
const GATHER_MS = 5_000;
const GATHER_JITTER_MS = 2_500;
/** Whatever the news, lists are this far apart. */
const LEAST_INTERVAL_MS = 60_000;
const FIRST_RETRY_MS = 60_000;

/**
 * Keeps the universe true while the exchange lists and delists: reads the list of markets every so often, sooner when
 * there is news, and takes out at once what the stream or a reply calls dead. Costs weight 1 a time, and 40 more when the
 * filters need volumes.
 */
export class UniverseKeeper {
  readonly #options: UniverseKeeperOptions;
  readonly #request: RequestOptions;
  readonly #stop = new AbortController();
  readonly #denials = new Denials();
  readonly #counts = { refreshes: 0, failures: 0, doubted: 0, added: 0, removed: 0 };
  #filters: UniverseFilters;
  #refreshEveryMs: number;
  /** No list has been believed since the filters changed. */
  #newFilters = false;
  #current: Universe | null = null;
  #doubted: ReadonlySet<string> | null = null;
  #failuresInARow = 0;
  #lastRefreshAt: number | null = null;
  #refreshing: Promise<void> | null = null;
  #cancelTimer: Cancel = () => {};
  /** News came that the list has not answered yet. */
  #news = false;
  /** Monotonic ms: when the next list is due without news, and the earliest with. */
  #dueMs = 0;
  #earliestMs = 0;

  constructor(options: UniverseKeeperOptions) {
    this.#options = options;
    this.#filters = options.filters;
    this.#refreshEveryMs = options.refreshEveryMs;
    this.#request = { lane: 'bulk', signal: this.#stop.signal };
  }

  start(initial: Universe): void {
    if (this.#current !== null || this.#stop.signal.aborted) throw new Error('a universe keeper is started once');
    this.#current = initial;
    this.#dueMs = this.#now() + this.#periodMs();
    this.#arm();
  }

  /** Resolves when no request and no timer is left. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelTimer();
    await this.#refreshing;
  }

  current(): Universe {
    if (this.#current === null) throw new Error('the universe keeper has not been started');
    return this.#current;
  }

  /**
   * Other filters take away at once what they can of what is scanned, also while the exchange is silent; what they add
   * comes with the list, which is read now. Resolves when it was, or could not be; another period begins now. Never
   * rejects.
   */
  async reconfigure({ filters, refreshEveryMs }: UniverseSettings): Promise<void> {
    if (!this.#isRunning) return;
    if (refreshEveryMs !== this.#refreshEveryMs) this.#setPeriod(refreshEveryMs);
    if (isDeepStrictEqual(filters, this.#filters)) return;
    this.#filters = filters;
    this.#newFilters = true;
    this.#apply(narrowed(this.current(), filters, this.#options.exchangeNow()));
    await this.#refreshing;
    await this.refresh();
  }

  /** Reads the list now; a refresh under way is joined. Never rejects: a failure is counted and told to the listener. */
  refresh(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    this.#refreshing ??= this.#refresh();
    return this.#refreshing;
  }

  /** A contract changed, says the stream. One that no longer trades goes at once; other news have the list read soon. */
  noteContractInfo(info: ContractInfo): void {
    if (!this.#isRunning) return;
    const { symbol, status } = info;
    const lifted = status === 'TRADING' && this.#denials.lift(symbol);
    if (!lifted && !isNews(this.current(), info)) return;
    if (status !== 'TRADING' && status !== '') this.#deny({ symbol, reason: 'status', found: status });
    this.#refreshSoon();
  }

  /**
   * The exchange does not know the symbol, says a reply (-1121). It goes at once, unless that would be more than half of
   * the universe on the word of replies alone: then the fault is elsewhere, and the list has to tell.
   */
  noteBadSymbol(symbol: string): void {
    if (!this.#isRunning) return;
    const held = this.current().instruments;
    if (!held.some((instrument) => instrument.symbol === symbol)) return;
    const denied = this.#denials.active(this.#now()).length;
    if (denied + 1 <= (held.length + denied) / 2) {
      this.#deny({ symbol, reason: 'status', found: 'unknown to the exchange (-1121)' });
    }
    this.#refreshSoon();
  }

  stats(): UniverseStats {
    return { ...this.#counts, lastRefreshAt: this.#lastRefreshAt };
  }

  get #isRunning(): boolean {
    return this.#current !== null && !this.#stop.signal.aborted;
  }

  async #refresh(): Promise<void> {
    this.#cancelTimer();
    this.#news = false;
    this.#earliestMs = this.#now() + LEAST_INTERVAL_MS;
    const filters = this.#filters;
    try {
      const selected = await this.#select(filters);
      this.#counts.refreshes += 1;
      this.#lastRefreshAt = this.#options.exchangeNow();
      this.#failuresInARow = 0;
      this.#dueMs = this.#now() + this.#periodMs();
      // Others came meanwhile, and the list is about to be read for them.
      if (filters === this.#filters) this.#judge(selected);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#failed(error);
    } finally {
      this.#refreshing = null;
      this.#arm();
    }
  }

  async #select(filters: UniverseFilters): Promise<Universe> {
    const { client, exchangeNow } = this.#options;
    const { instruments } = await client.exchangeInfo(this.#request);
    const volumes = needsQuoteVolumes(filters) ? await client.quoteVolumes(this.#request) : undefined;
    this.#stop.signal.throwIfAborted();
    return selectUniverse(instruments, filters, exchangeNow(), volumes);
  }

  #judge(selected: Universe): void {
    const now = this.#now();
    this.#denials.confirmedBy(selected, now);
    const change = changeTo(this.current(), without(selected, this.#denials.active(now)));
    this.#doubted = doubtOf(this.current(), change.removed, this.#doubted, this.#newFilters);
    if (this.#doubted === null) {
      this.#newFilters = false;
      return this.#apply(change);
    }
    this.#counts.doubted += 1;
    this.#news = true;
  }

  #deny(exclusion: Exclusion): void {
    const current = this.current();
    const universe = without(current, [exclusion]);
    if (universe.instruments.length === current.instruments.length) return;
    this.#denials.deny(exclusion, this.#now());
    this.#apply({ added: [], removed: [exclusion], universe });
  }

  #apply(change: UniverseChange): void {
    const { listener } = this.#options;
    const { added, removed, universe } = change;
    this.#current = universe;
    this.#counts.added += added.length;
    this.#counts.removed += removed.length;
    if (added.length + removed.length === 0) return;
    try {
      listener.onChange(change);
    } catch (error) {
      listener.onError(error);
    }
  }

  #failed(error: unknown): void {
    const { random, listener } = this.#options;
    this.#counts.failures += 1;
    this.#failuresInARow += 1;
    const longestMs = Math.max(FIRST_RETRY_MS, this.#refreshEveryMs);
    this.#dueMs = this.#now() + backoffMs(this.#failuresInARow, FIRST_RETRY_MS, longestMs, random);
    this.#earliestMs = this.#dueMs;
    listener.onError(error);
  }

  #setPeriod(refreshEveryMs: number): void {
    this.#refreshEveryMs = refreshEveryMs;
    // A list that failed is tried again in its own time.
    if (this.#failuresInARow > 0) return;
    this.#dueMs = this.#now() + this.#periodMs();
    if (this.#refreshing === null) this.#arm();
  }

  #refreshSoon(): void {
    if (this.#news) return;
    this.#news = true;
    if (this.#refreshing === null) this.#arm();
  }

  #arm(): void {
    this.#cancelTimer();
    if (this.#stop.signal.aborted) return;
    const { clock, random } = this.#options;
    const now = this.#now();
    const gatheredMs = Math.max(now + GATHER_MS + GATHER_JITTER_MS * random(), this.#earliestMs);
    const atMs = this.#news ? Math.min(gatheredMs, this.#dueMs) : this.#dueMs;
    this.#cancelTimer = clock.setTimer(atMs - now, () => void this.refresh());
  }

  #periodMs(): number {
    return this.#refreshEveryMs * (1 - JITTER * this.#options.random());
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

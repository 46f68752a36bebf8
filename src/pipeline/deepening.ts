import { ExchangeError, type ExchangeErrorKind } from '../domain/errors.js';
import type { Cancel, Clock } from '../lib/clock.js';
import type { Random } from '../lib/random.js';
import { backoffMs } from './backoff.js';
import type { ExchangeClient, KlineReply } from './exchange/contract.js';
import { type DeepQuery, deepen, planDeepening } from './history/deepen.js';
import { DeepeningQueue, type Task } from './history/deepening-queue.js';
import type { SeriesKey, SeriesStore } from './source.js';
import { type WeightBudget, waitForSpareMs } from './spare-weight.js';

export interface DeepeningOptions {
  readonly client: Pick<ExchangeClient, 'klines' | 'klinesWeight'>;
  readonly store: SeriesStore;
  readonly governor: WeightBudget;
  /** Weight that has to stay free of the current minute for others, the next cycle above all. Asked before each request. */
  readonly reserveWeight: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly maxInFlight?: number;
  /** The series in the store is another one now, with older candles under those that were held. */
  readonly onDeepened?: (key: SeriesKey) => void;
  /** Candles held that opened at `since` or later were other ones: what was concluded from them has to be looked at again. */
  readonly onRevision?: (key: SeriesKey, since: number) => void;
  /** The exchange does not know the symbol; all its series have been forgotten. */
  readonly onBadSymbol?: (symbol: string) => void;
  /** A series was given up, or the exchange is not asked for a while. */
  readonly onError?: (error: unknown) => void;
}

export interface DeepeningStats {
  /** Series that wait for their turn. */
  readonly due: number;
  readonly inFlight: number;
  /** Times that a series reached its lookback. */
  readonly done: number;
  /** Series given up. */
  readonly failed: number;
  /** Series that hold everything that the exchange has. */
  readonly exhausted: number;
  /** Candles held that the exchange stated otherwise. */
  readonly revised: number;
  readonly requests: number;
  readonly weight: number;
}

const MAX_IN_FLIGHT = 4;
const FIRST_REST_MS = 60_000;
const LONGEST_REST_MS = 600_000;

/** Errors that say nothing about the series, but that nothing should be asked for a while. */
const EXCHANGE_ILL: ReadonlySet<ExchangeErrorKind> = new Set([
  'unreachable',
  'deadline',
  'throttled',
  'banned',
  'unavailable',
  'circuitOpen',
]);

/**
 * Brings series that began with a first look to their full lookback, in the background: a few requests at a time, in the
 * bulk lane, with weight that nobody else needs. What is left to do follows from the store alone, so a series that was
 * evicted, replaced or filled by others needs no word.
 */
export class Deepening {
  readonly #options: DeepeningOptions;
  readonly #stop = new AbortController();
  readonly #queue: DeepeningQueue;
  /** Requests under way with their weight. */
  readonly #flights = new Map<Promise<void>, number>();
  readonly #pausedBy = new Set<string>();
  readonly #counts = { done: 0, failed: 0, revised: 0, requests: 0, weight: 0 };
  #started = false;
  /** In a row; the exchange rests until then (monotonic ms). */
  #illnesses = 0;
  #illUntilMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: Cancel = () => {};

  constructor(options: DeepeningOptions) {
    this.#options = options;
    this.#queue = new DeepeningQueue(options.random);
  }

  start(): void {
    this.#started = true;
    this.#pump();
  }

  /** Resolves when no request and no timer is left. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelTimer();
    this.#queue.clear();
    await Promise.all(this.#flights.keys());
  }

  /**
   * Series to deepen, the most wanted first; they go before what was asked for earlier. Those that are full, hold nothing
   * yet, are exhausted or were given up are passed over, so it does no harm to ask for all of them again.
   */
  request(keys: readonly SeriesKey[]): void {
    if (this.#stop.signal.aborted) return;
    this.#queue.putFirst(keys.filter((key) => this.#planFor(key) !== null));
    this.#pump();
  }

  /** Asks for nothing more until everyone who paused it has resumed it. Requests under way end. */
  pause(by = 'caller'): void {
    this.#pausedBy.add(by);
    this.#cancelTimer();
  }

  resume(by = 'caller'): void {
    this.#pausedBy.delete(by);
    this.#pump();
  }

  /** The symbol is no longer scanned, or is scanned anew: nothing of it is due or known. */
  forget(symbol: string): void {
    this.#queue.forget(symbol);
  }

  stats(): DeepeningStats {
    const { size: due, exhausted } = this.#queue;
    return { ...this.#counts, due, exhausted, inFlight: this.#flights.size };
  }

  /** Sends what may be sent now and comes back when more may be. */
  #pump(): void {
    this.#cancelTimer();
    if (!this.#started || this.#stop.signal.aborted || this.#pausedBy.size > 0) return;
    const { clock, maxInFlight = MAX_IN_FLIGHT } = this.#options;
    const nowMs = clock.monotonic();
    // After an illness one request goes ahead.
    const most = this.#illnesses > 0 ? 1 : maxInFlight;
    while (this.#flights.size < most) {
      const next = this.#queue.next(nowMs);
      if (next === null) return;
      if (nowMs < this.#illUntilMs) return this.#wait(this.#illUntilMs - nowMs);
      if ('fromMs' in next) return this.#wait(next.fromMs - nowMs);
      const query = this.#planFor(next.task.key);
      if (query === null) {
        this.#queue.drop(next.task);
        continue;
      }
      const waitMs = this.#waitMs(query);
      if (waitMs > 0) return this.#wait(waitMs);
      this.#send(next.task, query);
    }
  }

  #wait(waitMs: number): void {
    this.#cancelTimer = this.#options.clock.setTimer(waitMs, () => this.#pump());
  }

  #waitMs({ limit }: DeepQuery): number {
    const { client, governor, reserveWeight } = this.#options;
    // The newest requests may not have been charged yet; counting them twice does no harm.
    const underWay = [...this.#flights.values()].reduce((sum, weight) => sum + weight, 0);
    return waitForSpareMs(governor, underWay + client.klinesWeight(limit), reserveWeight());
  }

  /** What to ask for next of a series, or null when nothing can or need be. */
  #planFor(key: SeriesKey): DeepQuery | null {
    const series = this.#options.store.get(key);
    return series !== undefined && this.#queue.mayAsk(key, series.firstOpenTime) ? planDeepening(series) : null;
  }

  #send(task: Task, query: DeepQuery): void {
    const weight = this.#options.client.klinesWeight(query.limit);
    this.#counts.requests += 1;
    this.#counts.weight += weight;
    this.#queue.take(task);
    const flight = this.#fly(task, query).finally(() => {
      this.#flights.delete(flight);
      this.#pump();
    });
    this.#flights.set(flight, weight);
  }

  async #fly(task: Task, query: DeepQuery): Promise<void> {
    const { signal } = this.#stop;
    const isMoot = () => task.forgotten || signal.aborted;
    try {
      const reply = await this.#options.client.klines(query, { lane: 'bulk', signal });
      this.#queue.landed(task);
      this.#illnesses = 0;
      if (!isMoot()) this.#take(task, query, reply);
    } catch (error) {
      this.#queue.landed(task);
      if (!isMoot()) this.#failed(task, error);
    }
  }

  /** No await between reading the store and writing it: nothing that others append meanwhile can be lost. */
  #take(task: Task, query: DeepQuery, reply: KlineReply): void {
    const { store, onDeepened, onRevision } = this.#options;
    const { key } = task;
    const held = store.get(key);
    if (held === undefined || held.length === 0) return;
    const { series, revised, revisedSince, verdict } = deepen(held, query, reply);
    if (series !== held) store.set(series);
    this.#counts.revised += revised;
    if (verdict === 'full') this.#counts.done += 1;
    else if (verdict === 'exhausted') this.#queue.setExhausted(task, series.firstOpenTime);
    else if (verdict === 'deeper') this.#queue.append(task);
    else this.#retryLater(task, unsound(key));
    if (series.length > held.length) onDeepened?.(key);
    if (revisedSince !== null) onRevision?.(key, revisedSince);
  }

  #failed(task: Task, error: unknown): void {
    if (!(error instanceof ExchangeError)) return this.#giveUp(error);
    if (error.kind === 'badSymbol') {
      this.#counts.failed += 1;
      this.forget(task.key.symbol);
      this.#options.onBadSymbol?.(task.key.symbol);
    } else if (EXCHANGE_ILL.has(error.kind)) {
      this.#queue.putBack(task);
      this.#rest(error);
    } else this.#retryLater(task, error);
  }

  #retryLater(task: Task, error: ExchangeError): void {
    if (!this.#queue.retryLater(task, this.#options.clock.monotonic())) this.#giveUp(error);
  }

  #giveUp(error: unknown): void {
    this.#counts.failed += 1;
    this.#options.onError?.(error);
  }

  /** Requests sent together fail together, which is one illness. */
  #rest(error: ExchangeError): void {
    const { clock, random, onError } = this.#options;
    const nowMs = clock.monotonic();
    if (nowMs < this.#illUntilMs) return;
    this.#illnesses += 1;
    this.#illUntilMs = nowMs + backoffMs(this.#illnesses, FIRST_REST_MS, LONGEST_REST_MS, random);
    onError?.(error);
  }
}

function unsound({ symbol, timeframe }: SeriesKey): ExchangeError {
  return new ExchangeError('badPayload', `klines of ${symbol} ${timeframe}: a hole, bad rows, or not up to its end`);
}

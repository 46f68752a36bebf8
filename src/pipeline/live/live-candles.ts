import type { LimitFunction } from 'p-limit';
import type { CandleRow } from '../../domain/candle.js';
import type { SeriesWindow } from '../../domain/series.js';
import { type Slot, slotAt } from '../../domain/slot.js';
import { type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import type { Clock } from '../../lib/clock.js';
import type { Random } from '../../lib/random.js';
import type { ExchangeClient } from '../exchange/contract.js';
import { HistorySource } from '../history/history-source.js';
import type { OnAnswered } from '../rest/kline-source.js';
import { RestSource } from '../rest/rest-source.js';
import type { CandleSource, SeriesKey, SeriesStore } from '../source.js';
import type { ContractInfo, StreamHandlers, StreamNotice, StreamStats } from '../stream/contract.js';
import type { StreamSource } from '../stream/stream-source.js';
import { arrivalOrder } from './arrival-order.js';
import { Arrivals } from './arrivals.js';
import { Assembly } from './assembly.js';
import { isAtSlot } from './at-slot.js';
import { BaseFirstSource } from './base-first-source.js';
import { type LiveCounts, zeroCounts } from './counts.js';
import { Derivation } from './derivation.js';
import { DerivedAudit, type Mismatch } from './derived-audit.js';
import { FormingCandles } from './forming.js';
import { provisionalWindows } from './provisional.js';
import { Repairs } from './repairs.js';
import { rowAt } from './row-at.js';
import { StreamFeed } from './stream-feed.js';

export interface LiveListener {
  /** Closed candles that opened at `since` or later changed: what was concluded from them has to be looked at again. */
  onRevision?(key: SeriesKey, since: number): void;
  /** Told of by `onRevision` too. */
  onMismatch?(mismatch: Mismatch): void;
  onContractInfo?(info: ContractInfo): void;
  onNotice?(notice: StreamNotice): void;
  /** Holes in base series up to the slot that REST did not close either. */
  onUnrepaired?(symbols: readonly string[], slot: Slot): void;
  /** Told of every series that the exchange was asked for over REST and answered. */
  onAnswered?: OnAnswered;
  /** Something in the background failed that nobody awaits. */
  onError?(error: unknown): void;
}

export interface LiveCandlesOptions {
  readonly store: SeriesStore;
  readonly client: Pick<ExchangeClient, 'klines'>;
  /** Makes the stream of the base timeframe. */
  readonly openStream: (symbols: Iterable<string>, base: Timeframe, handlers: StreamHandlers) => StreamSource;
  readonly symbols: Iterable<string>;
  /** Ascending; the first is the base timeframe. */
  readonly timeframes: readonly [Timeframe, ...Timeframe[]];
  /** Whether longer timeframes are built from the base. */
  readonly derive: boolean;
  /** How long after a slot its candles are waited for. */
  readonly settleMs: number;
  readonly lookback: number;
  readonly firstLook: number;
  /** The window of bulk requests in flight. */
  readonly window: LimitFunction;
  readonly clock: Clock;
  /** The exchange's clock, epoch ms. */
  readonly exchangeNow: () => number;
  readonly random: Random;
  /** Derived candles compared with the exchange's per slot. */
  readonly auditSample?: number;
  readonly listener?: LiveListener;
}

export interface LiveStats extends Readonly<LiveCounts> {
  readonly stream: StreamStats;
}

const AUDIT_SAMPLE = 3;

/**
 * The candles of a running scanner. `sources` is the order in which a cycle asks: history for what closed before the
 * slot, the stream for what closes with it, REST for what the stream did not bring in time. Between cycles candles keep
 * flowing into the store, and holes are closed as they show.
 */
export class LiveCandles {
  readonly sources: readonly [history: CandleSource, stream: CandleSource, rest: CandleSource];
  readonly #options: LiveCandlesOptions;
  readonly #base: Timeframe;
  readonly #counts = zeroCounts();
  readonly #forming = new FormingCandles();
  readonly #arrivals: Arrivals;
  readonly #derivation: Derivation;
  readonly #assembly: Assembly;
  readonly #feed: StreamFeed;
  readonly #repairs: Repairs;
  readonly #audit: DerivedAudit;
  readonly #stream: StreamSource;
  readonly #arrivedAt = new Map<string, number>();
  #symbols: ReadonlySet<string>;
  #settleMs: number;
  /** Symbols that the newest cycle waited for the stream to bring. */
  #awaited: { readonly slot: Slot; readonly symbols: ReadonlySet<string> } = { slot: 0, symbols: new Set() };

  constructor(options: LiveCandlesOptions) {
    const { store, client, timeframes, lookback, firstLook, listener = {} } = options;
    const [base, ...longer] = timeframes;
    this.#options = options;
    this.#base = base;
    this.#symbols = new Set(options.symbols);
    this.#settleMs = options.settleMs;
    const counts = this.#counts;
    const derivation = new Derivation({ store, base, longer: options.derive ? longer : [], counts });
    this.#derivation = derivation;
    this.#arrivals = new Arrivals(options.clock);
    this.#assembly = new Assembly({
      store,
      derivation,
      counts,
      onAdvanced: (symbol) => this.#advanced(symbol),
      onGap: (symbol, slot) => this.#repairs.request(symbol, slot),
      onRevision: (key, since) => listener.onRevision?.(key, since),
    });
    const shared = { client, store, lookback, firstLook, onAnswered: listener.onAnswered };
    const history = this.#baseFirst(new HistorySource({ ...shared, window: options.window }), derivation);
    const rest = this.#baseFirst(new RestSource(shared), derivation);
    this.#feed = new StreamFeed({
      store,
      derivation,
      assembly: this.#assembly,
      arrivals: this.#arrivals,
      isStreamed: (symbol) => this.#symbols.has(symbol),
      settleMs: () => this.#settleMs,
      exchangeNow: options.exchangeNow,
    });
    this.sources = [history, this.#feed, rest];
    this.#repairs = new Repairs({
      source: rest,
      base,
      counts,
      onUnrepaired: (symbols, slot) => listener.onUnrepaired?.(symbols, slot),
      onError: (error) => listener.onError?.(error),
    });
    this.#audit = new DerivedAudit({
      store,
      client,
      derivation,
      counts,
      random: options.random,
      sample: options.auditSample ?? AUDIT_SAMPLE,
      onMismatch: (mismatch) => {
        listener.onMismatch?.(mismatch);
        this.#assembly.revised({ symbol: mismatch.symbol, timeframe: mismatch.timeframe }, mismatch.exchange[0]);
      },
    });
    this.#stream = options.openStream(this.#symbols, base, this.#handlers(listener));
  }

  /** Begins to stream; series that the store holds already go on from where they end. */
  start(): void {
    for (const symbol of this.#symbols) this.#advanced(symbol);
    this.#stream.start();
  }

  /** Resolves when every socket, timer and request is gone. */
  async stop(): Promise<void> {
    this.#arrivals.close();
    await Promise.all([this.#stream.stop(), this.#repairs.stop()]);
  }

  /** Follows the universe. */
  setSymbols(symbols: Iterable<string>): void {
    const wanted = new Set(symbols);
    for (const symbol of this.#symbols) {
      if (wanted.has(symbol)) continue;
      this.#assembly.forget(symbol);
      this.#repairs.forget(symbol);
      this.#forming.delete(symbol);
      this.#arrivedAt.delete(symbol);
    }
    this.#symbols = wanted;
    this.#stream.setSymbols(wanted);
  }

  /** For the slots to come; between cycles. */
  reconfigure({ settleMs }: Pick<LiveCandlesOptions, 'settleMs'>): void {
    this.#settleMs = settleMs;
  }

  /** A cycle's batches in the order in which its candles arrive; those that did not come follow when the slot has settled. */
  batches(symbols: readonly string[], slot: Slot, size: number, signal: AbortSignal): AsyncIterable<readonly string[]> {
    const { timeframes, clock } = this.#options;
    const keysOf = (symbol: string) => timeframes.map((timeframe) => ({ symbol, timeframe }));
    const awaited = symbols.filter((symbol) => this.#feed.isAwaited(keysOf(symbol), slot));
    this.#awaited = { slot, symbols: new Set(awaited) };
    return arrivalOrder({
      symbols,
      size,
      awaited: this.#awaited.symbols,
      arrival: (symbol) => this.#feed.arrival(keysOf(symbol), slot, signal),
      clock,
    });
  }

  /** When the symbol's series grew last, monotonic ms; null before that. */
  arrivedAt(symbol: string): number | null {
    return this.#arrivedAt.get(symbol) ?? null;
  }

  /** The newest known state of a base candle that is not final yet, or null. */
  forming(symbol: string, openTime: number): CandleRow | null {
    return this.#forming.get(symbol, openTime);
  }

  /** The series of a symbol as they will be at the slot if the candle that just ended stays as it is; null when there is nothing to foretell. */
  provisional(symbol: string, slot: Slot): readonly SeriesWindow[] | null {
    const { store, timeframes } = this.#options;
    const forming = this.forming.bind(this);
    return provisionalWindows({ store, timeframes, derived: this.#derivation.longer, forming }, symbol, slot);
  }

  /** Compares a few candles that were derived at the slot with the exchange's; best when the slot's cycle has published. */
  audit(slot: Slot, signal: AbortSignal): Promise<void> {
    return this.#audit.run(slot, this.#symbols, signal);
  }

  stats(): LiveStats {
    const { closed, gaps, ...counts } = this.#counts;
    return { ...counts, closed: { ...closed }, gaps: { ...gaps }, stream: this.#stream.stats() };
  }

  #baseFirst(source: HistorySource | RestSource, derivation: Derivation): CandleSource {
    const { store } = this.#options;
    return new BaseFirstSource({
      source,
      store,
      derivation,
      assembly: this.#assembly,
      slotFor: source.name === 'history' ? (slot, symbol) => this.#historyUntil(slot, symbol) : (slot) => slot,
      onBase: ({ added }) => {
        if (source.name === 'rest') this.#counts.closed.rest += added;
      },
    });
  }

  /** A candle that the stream was waited for is not history, and before a slot has settled its own candle may still come. */
  #historyUntil(slot: Slot, symbol: string): Slot {
    const { exchangeNow } = this.#options;
    const wasAwaited = this.#awaited.slot === slot && this.#awaited.symbols.has(symbol);
    return wasAwaited || exchangeNow() < slot + this.#settleMs ? slot - timeframeMs(this.#base) : slot;
  }

  #handlers(listener: LiveListener): StreamHandlers {
    return {
      onClosed: (symbol, _timeframe, row, how) => this.#assembly.take(symbol, { row, how }),
      onForming: (symbol, _timeframe, row) => this.#forming.set(symbol, row),
      onRevised: (symbol, _timeframe, row) => this.#assembly.restate(symbol, row),
      onResumed: (symbols) => this.#resumed(symbols),
      onContractInfo: (info) => listener.onContractInfo?.(info),
      onNotice: (notice) => listener.onNotice?.(notice),
    };
  }

  /** Series of the symbol may have grown, from whatever source. */
  #advanced(symbol: string): void {
    const series = this.#options.store.get({ symbol, timeframe: this.#base });
    const newest = series === undefined ? null : rowAt(series);
    if (newest !== null) {
      this.#stream.markClosed(symbol, newest.row);
      this.#forming.closed(symbol, newest.row[0]);
    }
    this.#arrivedAt.set(symbol, this.#options.clock.monotonic());
    this.#arrivals.arrived(symbol);
  }

  /**
   * The exchange replays nothing, so what closed during the silence is asked for. A slot that has not settled is left out:
   * its candles may still come, and its cycle asks for those that do not, from the very ms that it has settled.
   */
  #resumed(symbols: readonly string[]): void {
    const { store, exchangeNow } = this.#options;
    const slot = slotAt(exchangeNow() - this.#settleMs - 1, this.#base);
    for (const symbol of symbols) {
      const series = store.get({ symbol, timeframe: this.#base });
      if (series !== undefined && series.length > 0 && !isAtSlot(series, slot)) this.#repairs.request(symbol, slot);
    }
  }
}

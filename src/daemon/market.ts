import pLimit, { type LimitFunction } from 'p-limit';
import type { CandleCache } from '../cache/tiers.js';
import type { Config } from '../config/schema.js';
import type { Series } from '../domain/series.js';
import type { Timeframe } from '../domain/timeframe.js';
import { cacheBounds, type FoundationOptions, openCache, openDisk } from '../foundation.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import type { Releasers } from '../lib/releasers.js';
import { Deepening } from '../pipeline/deepening.js';
import type { ExchangeClient } from '../pipeline/exchange/contract.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';
import { HistorySource } from '../pipeline/history/history-source.js';
import { LiveCandles } from '../pipeline/live/live-candles.js';
import { Pipeline } from '../pipeline/pipeline.js';
import { liquidityOrder } from '../pipeline/priority.js';
import type { OnAnswered } from '../pipeline/rest/kline-source.js';
import type { SeriesKey, SeriesStore } from '../pipeline/source.js';
import { createStreamSource } from '../pipeline/stream/stream-source.js';
import { type Universe, unmetInclude } from '../pipeline/universe.js';
import type { UniverseKeeper } from '../pipeline/universe-keeper.js';
import { type BatchOrder, inOrder, onceSettled } from '../scheduler/batches.js';
import type { Settings } from './settings.js';
import { UniverseFollower } from './universe-follower.js';

export interface MarketOptions extends FoundationOptions {
  /** What is in effect; `config` is what the market is opened with. */
  readonly settings: Pick<Settings, 'config'>;
  /** Scheme and host of the exchange's streams. */
  readonly streamUrl: string;
  readonly client: ExchangeClient;
  readonly governor: WeightGovernor;
  readonly universe: Universe;
  /** Tells the exchange's time. */
  readonly exchangeClock: Clock;
  readonly log: Logger;
  readonly releasers: Releasers;
  /** Ends the opening. */
  readonly signal: AbortSignal;
  readonly onAnswered: OnAnswered;
  readonly onRevision: (key: SeriesKey) => void;
}

/** The candles of the whole market, kept true while the process runs. */
export interface Market {
  readonly cache: CandleCache;
  readonly store: SeriesStore;
  /** Null where nothing is streamed. */
  readonly live: LiveCandles | null;
  readonly deepening: Deepening;
  readonly keeper: UniverseKeeper;
  readonly pipeline: Pipeline;
  readonly batches: BatchOrder;
  readonly symbols: () => readonly string[];
  readonly keys: () => SeriesKey[];
  /** Puts into effect what is another one, between cycles; see `LIVE_KEYS`. */
  reconfigure(config: Config): void;
}

/** Share of the market whose candle the stream may fail to bring before the next cycle lacks weight for it. */
const FALLBACK_SHARE = 0.1;
/** Lists of markets, the time, audits. */
const OTHER_WEIGHT = 50;

/**
 * Builds what holds the candles, warm from disk, and begins to stream. Everything is released by `releasers`, also when
 * it rejects: with the signal's reason.
 */
export async function openMarket(options: MarketOptions): Promise<Market> {
  const { config, exchangeClock, log, releasers, signal } = options;
  const { timeframes } = config;
  const cacheLog = log.child({ part: 'cache' });
  const disk = await openDisk(config, exchangeClock);
  const cache = openCache(options, disk, exchangeClock, releasers, (report) => {
    if (report.failed > 0) cacheLog.warn(report, 'candles could not be written to disk');
    else cacheLog.debug(report, 'wrote candles to disk');
  });
  const store = storeOf(cache);
  const universe = new UniverseFollower(options, cache);
  const symbols = () => universe.keeper.current().instruments.map(({ symbol }) => symbol);
  const keys = () => timeframes.flatMap((timeframe) => symbols().map((symbol) => ({ symbol, timeframe })));

  universe.keeper.start(options.universe);
  const unmet = unmetInclude(options.universe, config.universe.include);
  if (unmet.size > 0) log.warn({ unmet: Object.fromEntries(unmet) }, 'not scanned, though universe.include names them');
  releasers.push(() => universe.keeper.stop());
  const warmed = await cache.load(keys(), { signal, ahead: true, onProgress: warmProgress(cacheLog) });
  cacheLog.info(warmed, 'warmed up from disk');

  const window = pLimit(config.batch.requestsInFlight);
  const live = config.stream.enabled ? openLive({ ...options, window }, store, symbols(), universe) : null;
  const sources = live?.sources ?? [openHistory({ ...options, window }, store)];
  const pipeline = new Pipeline({ store, timeframes, clock: exchangeClock, sources });
  const deepening = openDeepening(options, store, universe.keeper);
  universe.follow({ live, deepening });
  cache.start();
  live?.start();
  deepening.start();
  return {
    cache,
    store,
    live,
    deepening,
    keeper: universe.keeper,
    pipeline,
    batches: batchOrder(options, live),
    symbols,
    keys,
    reconfigure(next) {
      universe.reconfigure(next);
      cache.reconfigure(cacheBounds(next));
      live?.reconfigure(next.cycle);
      window.concurrency = next.batch.requestsInFlight;
    },
  };
}

/** As the settings are when a cycle begins. */
function batchOrder({ settings, exchangeClock }: MarketOptions, live: LiveCandles | null): BatchOrder {
  return (symbols, slot, signal) => {
    const { batch, cycle } = settings.config;
    if (live !== null) return live.batches(symbols, slot, batch.symbols, signal);
    return onceSettled(inOrder(batch.symbols), cycle.settleMs, exchangeClock)(symbols, slot, signal);
  };
}

interface Windowed extends MarketOptions {
  /** Of bulk requests in flight. */
  readonly window: LimitFunction;
}

/** All there is where nothing is streamed. */
function openHistory({ config, client, window, onAnswered }: Windowed, store: SeriesStore): HistorySource {
  const { lookback, firstLook } = config.candles;
  return new HistorySource({ client, store, lookback, firstLook, window, onAnswered });
}

function openDeepening(
  { client, governor, exchangeClock, random, log, releasers, onRevision }: MarketOptions,
  store: SeriesStore,
  keeper: UniverseKeeper,
): Deepening {
  const deepening = new Deepening({
    client,
    store,
    governor,
    reserveWeight: () => Math.ceil(keeper.current().instruments.length * FALLBACK_SHARE) + OTHER_WEIGHT,
    clock: exchangeClock,
    random,
    onRevision: (key) => onRevision(key),
    onBadSymbol: (symbol) => keeper.noteBadSymbol(symbol),
    onError: (err) => log.warn({ err }, 'candles could not be deepened'),
  });
  releasers.push(() => deepening.stop());
  return deepening;
}

function openLive(
  options: Windowed,
  store: SeriesStore,
  symbols: readonly string[],
  universe: UniverseFollower,
): LiveCandles {
  const { config, client, exchangeClock, random, streamUrl, releasers, onAnswered, onRevision } = options;
  const log = options.log.child({ part: 'stream' });
  const live = new LiveCandles({
    store,
    client,
    openStream: (wanted, timeframe, handlers) =>
      createStreamSource({
        url: streamUrl,
        symbols: wanted,
        timeframe,
        streamsPerConnection: config.stream.streamsPerConnection,
        clock: exchangeClock,
        random,
        handlers,
      }),
    symbols,
    timeframes: config.timeframes,
    derive: config.candles.derive,
    settleMs: config.cycle.settleMs,
    lookback: config.candles.lookback,
    firstLook: config.candles.firstLook,
    window: options.window,
    clock: exchangeClock,
    exchangeNow: () => exchangeClock.now(),
    random,
    listener: {
      onRevision,
      onMismatch: (mismatch) => log.warn(mismatch, "a derived candle is not the exchange's own"),
      onContractInfo: (info) => universe.keeper.noteContractInfo(info),
      onNotice: (notice) => {
        if (notice.kind === 'lost' && (notice.reason === 'rotation' || notice.reason === 'stopped'))
          log.debug(notice, 'a connection ended');
        else if (notice.kind === 'endpointTrusted') log.info(notice, 'the stream brings data again');
        else log.warn(notice, NOTICES[notice.kind]);
      },
      onUnrepaired: (symbols, slot) =>
        log.warn(
          { series: symbols.length, symbols: symbols.slice(0, MOST_NAMED), until: new Date(slot).toISOString() },
          'holes could not be closed yet',
        ),
      onAnswered,
      onError: (err) => log.error({ err }, 'candles could not be repaired'),
    },
  });
  releasers.push(() => live.stop());
  return live;
}

/** In one line of the log. */
const MOST_NAMED = 20;

const NOTICES = {
  lost: 'a connection was lost',
  refused: 'the exchange refused a subscription',
  streamsSuspect: 'streams stay silent; requests carry their series',
  endpointSuspect: "every connection is accepted and stays mute; is the stream's address right?",
} as const;

function storeOf(cache: CandleCache): SeriesStore {
  return {
    get: ({ symbol, timeframe }): Series | undefined => cache.peek(symbol, timeframe) ?? undefined,
    set: (series) => cache.put(series),
    touch: ({ symbol, timeframe }) => cache.touch(symbol, timeframe),
  };
}

/** One line per quarter. */
function warmProgress(log: Logger): (progress: { done: number; total: number }) => void {
  let told = 0;
  return ({ done, total }) => {
    const quarter = Math.floor((4 * done) / total);
    if (quarter === told || quarter === 4) return;
    told = quarter;
    log.info({ series: done, total }, 'warming up from disk');
  };
}

/** Series that are short of their lookback, those of the most liquid symbols first. */
export function deepeningOrder({ keys, symbols, store }: Market, base: Timeframe): SeriesKey[] {
  const short = keys().filter((key) => {
    const series = store.get(key);
    return series !== undefined && series.length < series.lookback;
  });
  if (short.length === 0) return short;
  const rank = new Map(liquidityOrder(symbols(), store, base).map((symbol, index) => [symbol, index]));
  return short.sort((a, b) => (rank.get(a.symbol) ?? 0) - (rank.get(b.symbol) ?? 0));
}

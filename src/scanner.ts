import { existsSync } from 'node:fs';
import pLimit from 'p-limit';
import type { AnalysisBatch } from './analyzers/contract.js';
import { type AnalyzerPool, createAnalyzerPool } from './analyzers/pool.js';
import type { CacheStats } from './cache/contract.js';
import { loadCacache } from './cache/disk.js';
import { ResultCache, type ResultCacheStats } from './cache/results.js';
import { StoredResults } from './cache/stored-results.js';
import type { CandleCache } from './cache/tiers.js';
import { ExchangeError } from './domain/errors.js';
import type { Timeframe } from './domain/timeframe.js';
import { type FoundationOptions, openCache, openClient, openDisk, openGovernor } from './foundation.js';
import { abortable } from './lib/abort.js';
import { nextTurn } from './lib/next-turn.js';
import { Releasers } from './lib/releasers.js';
import type { ExchangeClient, ExchangeStats } from './pipeline/exchange/contract.js';
import type { WeightGovernor } from './pipeline/exchange/governor.js';
import { HistorySource } from './pipeline/history/history-source.js';
import { Pipeline } from './pipeline/pipeline.js';
import { planSeries } from './pipeline/plan.js';
import type { SeriesStore } from './pipeline/source.js';
import { type Universe, unmetInclude } from './pipeline/universe.js';
import type { BatchOrder } from './scheduler/batches.js';
import { runCycle } from './scheduler/cycle.js';
import { deadlineSignal } from './scheduler/deadline.js';
import { loadedFirst } from './scheduler/loaded-first.js';
import { type CyclePlan, loadUniverse, planCycle, settledSlot } from './scheduler/prepare.js';
import { type KeptResults, RESULTS, RememberedAnalysis, type SymbolResult } from './scheduler/remembered-analysis.js';
import type { CycleReport } from './scheduler/report.js';

export interface ScanOutcome {
  readonly exchange: string;
  /** Epoch ms of the first request. */
  readonly startedAt: number;
  /** From the first request to the report. */
  readonly durationMs: number;
  readonly timeframes: readonly Timeframe[];
  readonly universe: Universe;
  readonly universeMs: number;
  readonly cacheMs: number;
  readonly plan: CyclePlan;
  readonly cycle: CycleReport;
  readonly requests: ExchangeStats;
  readonly cache: CacheStats;
  /** What analyzers had said of the same candles before. */
  readonly results: ResultCacheStats;
  /** The candles that the analyzers were given. */
  readonly store: SeriesStore;
  readonly warnings: readonly string[];
}

export interface ScannerOptions extends FoundationOptions {
  /** See `StoredResultsOptions`. */
  readonly code: string | null;
  /** The newest candles may still change; the scan waits this long before it asks for them. */
  readonly onSettle?: (waitMs: number) => void;
  readonly onPlan?: (plan: CyclePlan) => void;
  readonly onProgress?: (doneSymbols: number, symbols: number) => void;
}

export interface Scanner {
  /** One cycle for the newest slot. Rejects with an `ExchangeError` when the exchange cannot be reached at all. */
  scan(): Promise<ScanOutcome>;
  /** Writes the candles that changed to disk and releases everything in reverse order. May be called again. */
  close(): Promise<void>;
}

/** Local time that differs from the exchange's by more than this is worth a warning. */
const SKEW_WARNING_MS = 1_000;
/** Of series on disk, read at once: three segments each with three timeframes, and Node has four threads for files. */
const GROUPS_IN_FLIGHT = 2;

/** Builds what a scan needs, in order. */
export async function openScanner(options: ScannerOptions): Promise<Scanner> {
  const { config, clock } = options;
  const releasers = new Releasers();
  try {
    const governor = openGovernor(options, releasers);
    refuseClosedGate(governor, config.cycle.deadlineMs);
    // Worker threads load their analyzers while the first requests are under way.
    const pool = createAnalyzerPool({ ...config.analyzers, clock });
    pool.catch(() => undefined);
    releasers.push(() => pool.then((ready) => ready.close()).catch(() => undefined));
    const client = await openClient(options, governor, releasers);
    return {
      scan: () => scanWith({ client, governor, pool, releasers, options }),
      close: () => {
        // Threads take their time to end, and so does the disk.
        void pool.then((ready) => ready.close()).catch(() => undefined);
        return releasers.release();
      },
    };
  } catch (error) {
    await releasers.release();
    throw error;
  }
}

interface Parts {
  readonly client: ExchangeClient;
  readonly governor: WeightGovernor;
  readonly pool: Promise<AnalyzerPool>;
  readonly releasers: Releasers;
  readonly options: ScannerOptions;
}

async function scanWith(parts: Parts): Promise<ScanOutcome> {
  const { client, governor, options } = parts;
  const { config, clock } = options;
  const startedAt = clock.now();
  const start = clock.monotonic();
  const universeReady = loadUniverse(client, governor, {
    filters: config.universe,
    clock,
    mayTrustDate: existsSync(config.cache.l2Dir),
  });
  universeReady.catch(() => undefined);
  // It takes about as long as the first reply does to come.
  await loadCacache();
  const disk = await openDisk(config, clock);
  const cache = openCache(options, disk, clock, parts.releasers);
  // A daemon does without: it starts seldom, and the cycle it starts with has the analyzers compiled for those that follow.
  const stored = new StoredResults<KeptResults>({ store: disk, exchange: options.cacheName, code: options.code });
  const kept = stored.read();
  // What is on disk does not wait for the list of markets.
  const cacheStart = clock.monotonic();
  let cacheMs = 0;
  const limit = pLimit(GROUPS_IN_FLIGHT);
  const loads = cache.stored(config.timeframes).map((keys) =>
    limit(async () => {
      await cache.load(keys);
      cacheMs = clock.monotonic() - cacheStart;
      return [...new Set(keys.map(({ symbol }) => symbol))];
    }),
  );
  const { universe, skewMs } = await universeReady;
  // Sockets are served between the long steps.
  await nextTurn();
  const universeMs = clock.monotonic() - start;
  const slot = await settledSlot(governor, config.timeframes[0], config.cycle.settleMs, clock, options.onSettle);

  const symbols = universe.instruments.map(({ symbol }) => symbol);
  const keysOf = (symbol: string) => config.timeframes.map((timeframe) => ({ symbol, timeframe }));
  const store = storeOf(cache);
  const { firstLook } = config.candles;
  const pool = await parts.pool;
  const results = new ResultCache<SymbolResult>({ maxEntries: RESULTS });
  const analysis = new RememberedAnalysis({ pool, results });
  parts.releasers.push(() => {
    const unkept = analysis.takeUnkept();
    // Beside the candles; the disk is closed when all is written.
    if (unkept !== null) void stored.write(unkept);
  });
  const deadline = deadlineSignal(clock, config.cycle.deadlineMs, governor);
  // Until all is loaded, nothing is going to be asked for.
  let plan = planCycle(client, governor, store, [], slot, firstLook);
  const batches = loadedFirst(config.batch.symbols, {
    loads,
    isComplete: (symbol) =>
      keysOf(symbol).every((key) => planSeries(symbol, key.timeframe, store.get(key), slot, firstLook) === null),
    onLoaded: async (incomplete) => {
      const keys = incomplete.flatMap(keysOf);
      if (!deadline.signal.aborted) await cache.load(keys.filter((key) => store.get(key) === undefined));
      plan = planCycle(client, governor, store, keys, slot, firstLook);
      options.onPlan?.(plan);
      deadline.restart(config.cycle.deadlineMs + plan.waitMs);
    },
  });
  // It rejects for the deadline alone. One that hangs is given up long before; this is for a disk that is slow.
  analysis.restore(await abortable(kept, deadline.signal).catch(() => null));
  const cycle = await runCycle(
    cycleParts(parts, pool, analysis, store, batches),
    slot,
    symbols,
    deadline.signal,
  ).finally(() => deadline.cancel());
  return {
    exchange: config.exchange.id,
    startedAt,
    durationMs: clock.monotonic() - start,
    timeframes: config.timeframes,
    universe,
    universeMs,
    cacheMs,
    plan,
    cycle,
    requests: client.stats(),
    cache: cache.stats(),
    results: results.stats(),
    store,
    warnings: [
      ...skewWarning(skewMs),
      ...gateWarning(governor),
      ...Array.from(
        unmetInclude(universe, config.universe.include),
        ([symbol, why]) => `universe.include names ${symbol}, which is not scanned: ${why}`,
      ),
      ...pool.refused.map(({ file, reason }) => `analyzer module ${file} was refused: ${reason}`),
    ],
  };
}

function cycleParts(
  { client, options }: Parts,
  pool: AnalyzerPool,
  analysis: RememberedAnalysis,
  store: SeriesStore,
  batches: BatchOrder,
) {
  const { config, clock, onProgress } = options;
  const { timeframes, candles, batch, exchange } = config;
  const window = pLimit(batch.requestsInFlight);
  const history = new HistorySource({ client, store, window, ...candles });
  return {
    pipeline: new Pipeline({ store, timeframes, clock, sources: [history] }),
    analyzers: {
      analyze: (batch: AnalysisBatch) => analysis.analyze(batch),
      leastWarmup: Math.min(...pool.analyzers.filter(({ kind }) => kind === 'series').map(({ warmup }) => warmup)),
    },
    clock,
    exchange: exchange.id,
    batches,
    ...(onProgress !== undefined && { onProgress }),
  };
}

/** A ban that outlasts the scan is not waited for, and not tested either. */
function refuseClosedGate(governor: WeightGovernor, patienceMs: number): void {
  if (governor.closedForMs <= patienceMs) return;
  const until = new Date(governor.closedUntil ?? 0).toISOString();
  throw new ExchangeError('banned', `the exchange refuses requests from this address until ${until}; nothing was sent`);
}

function storeOf(cache: CandleCache): SeriesStore {
  return {
    get: ({ symbol, timeframe }) => cache.peek(symbol, timeframe) ?? undefined,
    set: (series) => cache.put(series),
  };
}

function gateWarning({ closedForMs, closedUntil }: Pick<WeightGovernor, 'closedForMs' | 'closedUntil'>): string[] {
  if (closedForMs <= 0) return [];
  return [`the exchange refuses requests from this address until ${new Date(closedUntil ?? 0).toISOString()}`];
}

function skewWarning(skewMs: number): string[] {
  if (Math.abs(skewMs) <= SKEW_WARNING_MS) return [];
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  return [
    `the local clock is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${direction} the exchange's; the slot is taken from the exchange`,
  ];
}

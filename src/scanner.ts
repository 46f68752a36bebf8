import { join } from 'node:path';
import pLimit from 'p-limit';
import { type AnalyzerPool, createAnalyzerPool } from './analyzers/pool.js';
import type { Config } from './config/schema.js';
import { ExchangeError } from './domain/errors.js';
import { type Slot, slotAt } from './domain/slot.js';
import type { Timeframe } from './domain/timeframe.js';
import { type Clock, sleep } from './lib/clock.js';
import type { Random } from './lib/random.js';
import { createBinanceClient } from './pipeline/exchange/binance.js';
import type { ExchangeClient, ExchangeStats, RequestOptions } from './pipeline/exchange/contract.js';
import { WeightGovernor } from './pipeline/exchange/governor.js';
import { type Hold, readHold, writeHold } from './pipeline/exchange/hold-file.js';
import { HistorySource } from './pipeline/history/history-source.js';
import { Pipeline } from './pipeline/pipeline.js';
import { planSeries } from './pipeline/plan.js';
import type { SeriesStore } from './pipeline/source.js';
import { MemoryStore } from './pipeline/store.js';
import { needsQuoteVolumes, selectUniverse, type Universe } from './pipeline/universe.js';
import { runCycle } from './scheduler/cycle.js';
import type { CycleReport } from './scheduler/report.js';

/** What a cycle is going to cost, known before its first request goes out. */
export interface ScanPlan {
  readonly slot: Slot;
  readonly requests: number;
  readonly weight: number;
  /** Weight units a minute that may be used: the exchange's limit times our share. */
  readonly budget: number;
  /** How long the budget, or a closed gate, makes the last request wait. */
  readonly waitMs: number;
}

export interface ScanOutcome {
  readonly exchange: string;
  /** Epoch ms of the first request. */
  readonly startedAt: number;
  /** From the first request to the report. */
  readonly durationMs: number;
  readonly timeframes: readonly Timeframe[];
  readonly universe: Universe;
  readonly universeMs: number;
  readonly plan: ScanPlan;
  readonly cycle: CycleReport;
  readonly requests: ExchangeStats;
  /** The candles that the analyzers were given. */
  readonly store: SeriesStore;
  readonly warnings: readonly string[];
}

export interface ScannerOptions {
  readonly config: Config;
  /** Scheme and host of the exchange's REST API; null is the exchange's own. */
  readonly restUrl: string | null;
  readonly clock: Clock;
  readonly random: Random;
  /** The exchange refuses us until a time; `unsaved` says why the next start will not know. */
  readonly onGateClosed?: (hold: Hold, unsaved: Error | null) => void;
  /** The newest candles may still change; the scan waits this long before it asks for them. */
  readonly onSettle?: (waitMs: number) => void;
  readonly onPlan?: (plan: ScanPlan) => void;
  readonly onProgress?: (doneSymbols: number, symbols: number) => void;
}

/** Local time that differs from the exchange's by more than this is worth a warning. */
const SKEW_WARNING_MS = 1_000;

/** Builds what one scan needs, runs one cycle for the newest slot, and releases everything in reverse. */
export async function scanOnce(options: ScannerOptions): Promise<ScanOutcome> {
  const { config, clock, random } = options;
  // Worker threads load their analyzers while the first requests are under way.
  const poolReady = createAnalyzerPool({
    workers: config.analyzers.workers,
    ...(config.analyzers.enabled && { enabled: config.analyzers.enabled }),
    paths: config.analyzers.paths,
    budgetMs: config.analyzers.budgetMs,
    clock,
  });
  poolReady.catch(() => undefined);
  const governor = createGovernor(options);
  try {
    refuseClosedGate(governor, config.cycle.deadlineMs);
    const client = await createBinanceClient({
      ...(options.restUrl === null ? {} : { restUrl: options.restUrl }),
      requestTimeoutMs: config.exchange.requestTimeoutMs,
      window: config.batch.requestsInFlight,
      governor,
      clock,
      random,
    });
    try {
      return await scanWith(client, governor, poolReady, options);
    } finally {
      await client.close();
    }
  } finally {
    await governor.stop();
    await poolReady.then(
      (pool) => pool.close(),
      () => undefined,
    );
  }
}

async function scanWith(
  client: ExchangeClient,
  governor: WeightGovernor,
  poolReady: Promise<AnalyzerPool>,
  options: ScannerOptions,
): Promise<ScanOutcome> {
  const { config, clock } = options;
  const startedAt = clock.now();
  const start = clock.monotonic();
  const { universe, skewMs } = await loadUniverse(client, governor, options);
  const universeMs = clock.monotonic() - start;
  const slot = await settledSlot(governor, options);

  const symbols = universe.instruments.map(({ symbol }) => symbol);
  const store = new MemoryStore();
  const plan = planScan(client, governor, store, symbols, slot, config);
  options.onPlan?.(plan);

  const pool = await poolReady;
  const pipeline = new Pipeline({
    store,
    timeframes: config.timeframes,
    clock,
    sources: [
      new HistorySource({
        client,
        store,
        window: pLimit(config.batch.requestsInFlight),
        lookback: config.candles.lookback,
        firstLook: config.candles.firstLook,
      }),
    ],
  });
  const deadline = new AbortController();
  const cancel = clock.setTimer(config.cycle.deadlineMs + plan.waitMs, () =>
    // Who still waits for weight at the deadline is out of budget; else the exchange was too slow.
    deadline.abort(
      new ExchangeError(governor.waiting > 0 ? 'throttled' : 'deadline', 'the deadline of the cycle has passed'),
    ),
  );
  try {
    const cycle = await runCycle(
      {
        pipeline,
        analyzers: {
          analyze: (batch) => pool.analyze(batch),
          leastWarmup: Math.min(...pool.analyzers.filter(({ kind }) => kind === 'series').map(({ warmup }) => warmup)),
        },
        clock,
        exchange: config.exchange.id,
        batchSymbols: config.batch.symbols,
        ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      },
      slot,
      symbols,
      deadline.signal,
    );
    return {
      exchange: config.exchange.id,
      startedAt,
      durationMs: clock.monotonic() - start,
      timeframes: config.timeframes,
      universe,
      universeMs,
      plan,
      cycle,
      requests: client.stats(),
      store,
      warnings: [
        ...skewWarning(skewMs),
        ...pool.refused.map(({ file, reason }) => `analyzer module ${file} was refused: ${reason}`),
      ],
    };
  } finally {
    cancel();
  }
}

/** The governor of this address's budget; what closed its gate in an earlier run still does. */
function createGovernor({ config, restUrl, clock, random, onGateClosed }: ScannerOptions): WeightGovernor {
  const file = join(config.dataDir, 'exchange-hold.json');
  const exchange = restUrl ?? config.exchange.id;
  return new WeightGovernor({
    clock,
    random,
    share: config.exchange.weightShare,
    closedUntil: readHold(file, exchange) ?? 0,
    onClosed: (until, reason) => {
      const hold = { exchange, until, reason };
      onGateClosed?.(hold, writeHold(file, hold));
    },
  });
}

/** A ban that outlasts the scan is not waited for, and not tested either. */
function refuseClosedGate(governor: WeightGovernor, patienceMs: number): void {
  if (governor.closedForMs <= patienceMs) return;
  const until = new Date(governor.closedUntil ?? 0).toISOString();
  throw new ExchangeError('banned', `the exchange refuses requests from this address until ${until}; nothing was sent`);
}

/** The exchange's list of markets and its clock, at once; the governor learns limit and time from them. */
async function loadUniverse(client: ExchangeClient, governor: WeightGovernor, { config, clock }: ScannerOptions) {
  const request: RequestOptions = { lane: 'urgent' };
  const [info] = await Promise.all([client.exchangeInfo(request), client.serverTime(request)]);
  const filters = config.universe;
  const volumes = needsQuoteVolumes(filters) ? await client.quoteVolumes(request) : undefined;
  const universe = selectUniverse(info.instruments, filters, governor.exchangeNow(), volumes);
  return { universe, skewMs: clock.now() - governor.exchangeNow() };
}

/** The newest slot, once its candles have had time to settle. */
async function settledSlot(governor: WeightGovernor, { config, clock, onSettle }: ScannerOptions): Promise<Slot> {
  const slot = slotAt(governor.exchangeNow(), config.timeframes[0]);
  const waitMs = slot + config.cycle.settleMs - governor.exchangeNow();
  if (waitMs <= 0) return slot;
  onSettle?.(waitMs);
  await sleep(clock, waitMs);
  return slot;
}

function planScan(
  client: ExchangeClient,
  governor: WeightGovernor,
  store: SeriesStore,
  symbols: readonly string[],
  slot: Slot,
  { timeframes, candles }: Config,
): ScanPlan {
  const queries = symbols
    .flatMap((symbol) =>
      timeframes.map((timeframe) =>
        planSeries(symbol, timeframe, store.get({ symbol, timeframe }), slot, candles.firstLook),
      ),
    )
    .filter((query) => query !== null);
  const weight = queries.reduce((sum, { limit }) => sum + client.klinesWeight(limit), 0);
  return { slot, requests: queries.length, weight, budget: governor.budget, waitMs: governor.plan(weight).waitMs };
}

function skewWarning(skewMs: number): string[] {
  if (Math.abs(skewMs) <= SKEW_WARNING_MS) return [];
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  return [
    `the local clock is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${direction} the exchange's; the slot is taken from the exchange`,
  ];
}

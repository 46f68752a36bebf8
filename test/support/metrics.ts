import { builtInAnalyzers } from '../../src/analyzers/builtin/index.js';
import { type AnalyzerMetrics, analyzerMetrics } from '../../src/analyzers/metrics.js';
import type { CacheStats } from '../../src/cache/contract.js';
import { cacheMetrics } from '../../src/cache/metrics.js';
import { createRegistry, type MetricRegistry } from '../../src/lib/metrics.js';
import { type MemoryFigures, memoryMetrics, processMetrics } from '../../src/lib/process-metrics.js';
import { exchangeMetrics } from '../../src/pipeline/exchange/metrics.js';
import { zeroCounts } from '../../src/pipeline/live/counts.js';
import type { LiveStats } from '../../src/pipeline/live/live-candles.js';
import { candleMetrics, deepeningMetrics, universeMetrics } from '../../src/pipeline/metrics.js';
import { streamMetrics } from '../../src/pipeline/stream/metrics.js';
import { type CycleMetrics, clockMetrics, cycleMetrics } from '../../src/scheduler/metrics.js';
import type { CycleReport } from '../../src/scheduler/report.js';
import { serverMetrics } from '../../src/server/metrics.js';
import type { SignalStats } from '../../src/signals/contract.js';
import { evidenceMetrics, notificationMetrics, type SignalMetrics, signalMetrics } from '../../src/signals/metrics.js';

/** Anything that can be changed, so that a test can say what a part has counted by now. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends object ? Mutable<T[K]> : T[K] };

export interface FedRegistry {
  readonly registry: MetricRegistry;
  readonly cycles: CycleMetrics;
  readonly analyzers: AnalyzerMetrics;
  readonly signals: SignalMetrics;
  readonly requested: ReturnType<typeof exchangeMetrics>;
  readonly answered: ReturnType<typeof candleMetrics>;
  readonly notified: ReturnType<typeof notificationMetrics>;
  /** What the parts say when they are read. */
  readonly stats: ReturnType<typeof zeroStats>;
}

export interface FedOptions {
  readonly analyzers?: readonly string[];
  readonly timeframes?: readonly string[];
  readonly sinks?: readonly string[];
  /** With those of the process: each of these leaves observers of the event loop behind. */
  readonly ofProcess?: boolean;
}

/** A registry with the metrics of every part, as the daemon builds it. */
export function fedRegistry(options: FedOptions = {}): FedRegistry {
  const { timeframes = ['5m', '15m', '1h'], sinks = ['webhook'] } = options;
  const names = options.analyzers ?? builtInAnalyzers.map(({ name }) => name);
  const registry = createRegistry({ prefix: 'candlescan_' });
  const stats = zeroStats();
  if (options.ofProcess) processMetrics(registry, { version: '0.1.0' });
  memoryMetrics(registry, { stats: () => stats.memory });
  serverMetrics(registry, () => stats.server);
  clockMetrics(registry, { skewMs: () => stats.skewMs, disturbances: () => stats.disturbances });
  cacheMetrics(registry, { candles: () => stats.cache, results: () => stats.results });
  streamMetrics(registry, () => stats.live.stream);
  universeMetrics(registry, () => stats.universe);
  deepeningMetrics(registry, () => stats.deepening);
  evidenceMetrics(registry, () => stats.evidence);
  return {
    registry,
    stats,
    cycles: cycleMetrics(registry, { slotMs: 300_000 }),
    analyzers: analyzerMetrics(registry, names, () => stats.pool),
    signals: signalMetrics(registry, { analyzers: names, timeframes, stats: () => stats.signals }),
    requested: exchangeMetrics(registry, stats.governor),
    answered: candleMetrics(registry, { live: () => stats.live, cached: () => stats.cache.candlesRead }),
    notified: notificationMetrics(registry, sinks, () => stats.queued),
  };
}

/** The series of a scrape by name and labels, as they are written: `x_total{reason="gap"}`. */
export async function scraped(registry: MetricRegistry): Promise<ReadonlyMap<string, number>> {
  const { body } = await registry.scrape();
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

export function cycleReport(change: Partial<CycleReport> = {}): CycleReport {
  return {
    slot: Date.UTC(2026, 0, 1, 0, 5),
    startedAt: Date.UTC(2026, 0, 1, 0, 5, 2),
    durationMs: 1_500,
    symbols: { total: 2, analyzed: 2, skipped: [] },
    withheld: [],
    stages: { historyMs: 0, streamMs: 400, restMs: 900, analyzeMs: 150, publishMs: 20 },
    candles: { cache: 0, history: 0, stream: 0, rest: 0, derived: 0, rejected: 0, rejectedBy: {} },
    gaps: { repaired: 0, unrepaired: 0 },
    analyzers: [],
    failures: [],
    signals: [],
    ...change,
  };
}

function zeroStats() {
  const tier = { hits: 0, misses: 0, stale: 0, errors: 0, entries: 0, bytes: 0, evictions: 0 };
  const cache: Mutable<CacheStats> = {
    l1: { ...tier },
    l2: { ...tier, writes: 0, corrupt: {}, writeErrors: {} },
    candlesRead: 0,
    dirtySeries: 0,
    droppedSeries: 0,
  };
  const live: Mutable<LiveStats> = {
    ...zeroCounts(),
    stream: {
      connections: { waiting: 0, connecting: 0, open: 0, draining: 0 },
      streams: { wanted: 0, pending: 0, confirmed: 0 },
      messages: 0,
      reconnects: {},
      connects: 0,
      staleSeries: 0,
      closed: 0,
      revised: 0,
      coalesced: 0,
      outdated: 0,
      unsubscribed: 0,
      unknown: 0,
      malformed: {},
      refused: 0,
      watchdogDeferred: 0,
      endpointSuspect: false,
    },
  };
  const signals: Mutable<SignalStats> = {
    signals: [],
    records: 0,
    repeated: 0,
    stale: 0,
    amended: 0,
    revoked: 0,
    files: 0,
    bytes: 0,
    written: 0,
    unsaved: 0,
    oldestUnsavedAgeMs: 0,
    refused: 0,
    failing: null,
    diskFull: false,
    writeErrors: {},
    readErrors: {},
    damaged: 0,
    torn: 0,
  };
  const memory: Mutable<MemoryFigures> = { level: 0, entered: { 1: 0, 2: 0, 3: 0 }, relieverFailures: 0 };
  return {
    cache,
    live,
    signals,
    memory,
    server: { shedForMemory: 0 },
    results: { hits: 0, misses: 0, entries: 0 },
    governor: { weightUsed: 0, weightLimit: 2_400, closedForMs: 0, waiting: 0 },
    pool: { quarantined: [], refused: [] },
    universe: { refreshes: 0, failures: 0, doubted: 0, added: 0, removed: 0 },
    deepening: { due: 0, inFlight: 0, exhausted: 0, done: 0, failed: 0 },
    evidence: { pending: 0, processing: 0, completed: 0, failed: 0 },
    disturbances: { pausesTotal: 0, lagTotal: 0, jumpsTotal: 0 },
    skewMs: 0,
    queued: 0,
  };
}

import { type AnalyzerMetrics, analyzerMetrics } from '../analyzers/metrics.js';
import type { PoolEvent } from '../analyzers/pool.js';
import { cacheMetrics } from '../cache/metrics.js';
import type { ResultCache } from '../cache/results.js';
import { type Timeframe, timeframeMs } from '../domain/timeframe.js';
import type { MemoryGuard } from '../lib/memory-guard.js';
import { createRegistry, type MetricRegistry } from '../lib/metrics.js';
import { memoryMetrics, processMetrics } from '../lib/process-metrics.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';
import { exchangeMetrics } from '../pipeline/exchange/metrics.js';
import type { OnRequest } from '../pipeline/exchange/requester.js';
import { candleMetrics, deepeningMetrics, universeMetrics } from '../pipeline/metrics.js';
import type { OnAnswered } from '../pipeline/rest/kline-source.js';
import { streamMetrics } from '../pipeline/stream/metrics.js';
import { type CycleMetrics, clockMetrics, cycleMetrics } from '../scheduler/metrics.js';
import { serverMetrics } from '../server/metrics.js';
import type { Server } from '../server/server.js';
import type { SignalStore } from '../signals/contract.js';
import { type SignalMetrics, signalMetrics } from '../signals/metrics.js';
import type { Analyzers } from './analyzers.js';
import type { Market } from './market.js';
import type { Timekeeping } from './timekeeping.js';

/** The metrics of the process, each defined by the part that changes it. Readers run at scrapes only. */
export class Instruments {
  readonly registry: MetricRegistry;
  readonly cycles: CycleMetrics;
  readonly onRequest: OnRequest;
  #market: Market | null = null;
  #onAnswered: OnAnswered = () => {};
  #analyzers: AnalyzerMetrics | null = null;

  constructor(governor: WeightGovernor, { version, timeframes }: InstrumentsOptions) {
    this.registry = createRegistry({ prefix: 'candlescan_' });
    processMetrics(this.registry, { version });
    this.onRequest = exchangeMetrics(this.registry, governor);
    this.cycles = cycleMetrics(this.registry, { slotMs: timeframeMs(timeframes[0]) });
    streamMetrics(this.registry, () => this.#market?.live?.stats().stream ?? null);
  }

  watchTime({ keeper, watch }: Timekeeping): void {
    clockMetrics(this.registry, { skewMs: () => keeper.skewMs(), disturbances: () => watch.stats() });
  }

  watchMemory(guard: MemoryGuard): void {
    memoryMetrics(this.registry, guard);
  }

  watchServer(server: Pick<Server, 'stats'>): void {
    serverMetrics(this.registry, server.stats);
  }

  watchAnalyzers(names: readonly string[], analyzers: () => Analyzers): AnalyzerMetrics {
    this.#analyzers = analyzerMetrics(this.registry, names, analyzers);
    return this.#analyzers;
  }

  /** For the pool, which has events before its analyzers are known; counts once they are watched. */
  readonly onAnalyzerEvent = (event: PoolEvent): void => this.#analyzers?.happened(event);

  watchSignals(signals: SignalStore, analyzers: readonly string[], timeframes: readonly Timeframe[]): SignalMetrics {
    return signalMetrics(this.registry, { analyzers, timeframes, stats: () => signals.stats() });
  }

  /** For the sources over REST; counts once the market is watched. */
  readonly onAnswered: OnAnswered = (source, outcome) => this.#onAnswered(source, outcome);

  watchMarket(market: Market, results: Pick<ResultCache<object>, 'stats'>): void {
    this.#market = market;
    const { cache, live, keeper, deepening } = market;
    cacheMetrics(this.registry, { candles: () => cache.stats(), results: () => results.stats() });
    universeMetrics(this.registry, () => keeper.stats());
    deepeningMetrics(this.registry, () => deepening.stats());
    this.#onAnswered = candleMetrics(this.registry, {
      live: () => live?.stats() ?? null,
      cached: () => cache.stats().candlesRead,
    });
  }
}

export interface InstrumentsOptions {
  readonly version: string;
  readonly timeframes: readonly [Timeframe, ...Timeframe[]];
}

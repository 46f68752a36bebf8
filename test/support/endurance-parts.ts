import { join } from 'node:path';
import { ResultCache } from '../../src/cache/results.js';
import type { CandleCache } from '../../src/cache/tiers.js';
import { loadConfig } from '../../src/config/load.js';
import { Analyzers } from '../../src/daemon/analyzers.js';
import { Instruments } from '../../src/daemon/instruments.js';
import type { Market } from '../../src/daemon/market.js';
import type { Parts } from '../../src/daemon/parts.js';
import { Settings } from '../../src/daemon/settings.js';
import { timeframeMs } from '../../src/domain/timeframe.js';
import { systemClock } from '../../src/lib/clock.js';
import { PauseWatch } from '../../src/lib/pause-watch.js';
import { seededRandom } from '../../src/lib/random.js';
import type { Releasers } from '../../src/lib/releasers.js';
import { Deepening } from '../../src/pipeline/deepening.js';
import type { AdjustableClient, Instrument } from '../../src/pipeline/exchange/contract.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { klinesWeight } from '../../src/pipeline/exchange/klines.js';
import type { Pipeline } from '../../src/pipeline/pipeline.js';
import { selectUniverse } from '../../src/pipeline/universe.js';
import { UniverseKeeper } from '../../src/pipeline/universe-keeper.js';
import { ExchangeClockKeeper } from '../../src/scheduler/exchange-clock.js';
import type { SymbolResult } from '../../src/scheduler/remembered-analysis.js';
import { openSignalStore } from '../../src/signals/store.js';
import { type Rig, TIMEFRAMES } from './live.js';
import type { RealWork } from './real-work.js';

/**
 * What is bounded by number fills as slowly as there are few symbols. So that it is full when memory is first looked at,
 * as it is in a daemon of a whole market after some hours, it is smaller here.
 */
const RESULTS = 64;
const SIGNALS = 256;

export interface EnduranceScannerOptions {
  readonly rig: Rig;
  readonly cache: CandleCache;
  readonly work: RealWork;
  /** Where signals are written. */
  readonly dir: string;
  /** The compiled worker of the analyzers. */
  readonly workerUrl: URL;
}

/** As the daemon has them, on the exchange of a rig. */
export async function openParts(
  { rig, work, dir, workerUrl }: EnduranceScannerOptions,
  releasers: Releasers,
): Promise<Parts> {
  const { clock } = rig;
  const random = seededRandom(1);
  const settings = new Settings(loadConfig({ set: [`timeframes=[${TIMEFRAMES.join()}]`, `dataDir=${dir}`] }));
  const governor = new WeightGovernor({ clock, random });
  releasers.push(() => governor.stop());
  const client = clientOf(rig);
  // A thread lives in real time.
  const analyzers = await Analyzers.start(
    { enabled: null, paths: [], workers: 1, budgetMs: 60_000 },
    { clock: systemClock, workerUrl },
  );
  releasers.push(() => analyzers.close());
  const signals = await openSignalStore({
    dir: join(dir, 'signals'),
    clock,
    longestTimeframe: '1h',
    retentionMs: 7 * timeframeMs('1d'),
    capacity: SIGNALS,
  });
  releasers.push(() => signals.close());
  const keeper = new ExchangeClockKeeper({ client, governor, clock, random });
  keeper.start();
  releasers.push(() => keeper.stop());
  const watch = new PauseWatch({
    clock,
    probe: { activeMs: () => 0, cpuMs: () => 0, uptimeMs: () => clock.monotonic() },
  });
  const time = { keeper, watch, exchangeClock: clock };
  const instruments = new Instruments(governor, { version: '0.0.0', timeframes: TIMEFRAMES });
  const names = analyzers.analyzers.map(({ name }) => name);
  const analyzerMetrics = instruments.watchAnalyzers(names, () => analyzers);
  const signalMetrics = instruments.watchSignals(signals, names, TIMEFRAMES);
  instruments.watchTime(time);
  return {
    settings,
    governor,
    client,
    analyzers: Object.assign(analyzers, { analyze: work.awaited(analyzers.analyze.bind(analyzers)) }),
    time,
    signals: Object.assign(signals, { publish: work.awaited(signals.publish.bind(signals)) }),
    results: new ResultCache<SymbolResult>({ maxEntries: RESULTS }),
    instruments,
    analyzerMetrics,
    signalMetrics,
  };
}

/** The exchange of the rig as the parts see it, candles as the weather has them. */
function clientOf({ client, market, clock }: Rig): AdjustableClient {
  let total = 0;
  return {
    exchangeInfo: async () => ({
      instruments: instrumentsOf(market.symbols),
      weightLimit: null,
      dropped: 0,
      repliedAt: clock.now(),
    }),
    serverTime: async () => ({ serverTime: clock.now(), roundTripMs: 0 }),
    klines: (query, options) => {
      total += 1;
      return client.klines(query, options);
    },
    quoteVolumes: async () => new Map(),
    klinesWeight,
    stats: () => ({ total, failed: 0, retried: 0, throttled: 0, weight: total, weightLimit: 2_400 }),
    close: async () => {},
    reconfigure: () => {},
  };
}

function instrumentsOf(symbols: readonly string[]): Instrument[] {
  return symbols.map((symbol) => ({
    symbol,
    unified: symbol,
    baseAsset: symbol.slice(0, -4),
    quoteAsset: 'USDT',
    contractType: 'PERPETUAL',
    status: 'TRADING',
    onboardTime: 0,
  }));
}

/** The candles of a rig as the daemon's market. */
export function marketOf(
  { rig, cache }: EnduranceScannerOptions,
  { client, governor, settings }: Parts,
  pipeline: Pipeline,
  releasers: Releasers,
): Market {
  const { live, clock, store } = rig;
  const { timeframes, universe, batch } = settings.config;
  const random = seededRandom(2);
  const onError = (error: unknown) => void rig.errors.push(error);
  const keeper = new UniverseKeeper({
    client,
    exchangeNow: () => clock.now(),
    filters: universe,
    refreshEveryMs: universe.refreshEveryMs,
    clock,
    random,
    listener: { onChange: onError, onError },
  });
  keeper.start(selectUniverse(instrumentsOf(rig.market.symbols), universe, clock.now()));
  const symbols = () => keeper.current().instruments.map(({ symbol }) => symbol);
  const deepening = new Deepening({
    client,
    store,
    governor,
    reserveWeight: () => 0,
    clock,
    random,
    onRevision: (key) => rig.onRevision(key),
  });
  deepening.start();
  releasers.push(() => deepening.stop());
  releasers.push(() => keeper.stop());
  return {
    cache,
    store,
    live,
    deepening,
    keeper,
    pipeline,
    batches: (of, slot, signal) => live.batches(of, slot, batch.symbols, signal),
    symbols,
    keys: () => timeframes.flatMap((timeframe) => symbols().map((symbol) => ({ symbol, timeframe }))),
    reconfigure: () => {},
  };
}

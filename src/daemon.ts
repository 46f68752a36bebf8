import { join } from 'node:path';
import type { AnalyzerMetrics } from './analyzers/metrics.js';
import { ResultCache } from './cache/results.js';
import type { LoadedConfig } from './config/load.js';
import { Analyzers } from './daemon/analyzers.js';
import { Instruments } from './daemon/instruments.js';
import { type Market, openMarket } from './daemon/market.js';
import { serverPorts } from './daemon/ports.js';
import { type UnreadyReason, unreadyReasons } from './daemon/readiness.js';
import { openRelief } from './daemon/relief.js';
import { applyReload } from './daemon/reload.js';
import { Scanning } from './daemon/scanning.js';
import { Settings } from './daemon/settings.js';
import { openTimekeeping, type Timekeeping } from './daemon/timekeeping.js';
import { type Timeframe, timeframeMs } from './domain/timeframe.js';
import { type FoundationOptions, openClient, openGovernor } from './foundation.js';
import { abortable } from './lib/abort.js';
import type { RootLogger } from './lib/log.js';
import { Releasers } from './lib/releasers.js';
import { RetryBudget, retry } from './lib/retry.js';
import type { ExchangeClient } from './pipeline/exchange/contract.js';
import type { WeightGovernor } from './pipeline/exchange/governor.js';
import type { Universe } from './pipeline/universe.js';
import { loadUniverse } from './scheduler/prepare.js';
import type { SymbolResult } from './scheduler/remembered-analysis.js';
import type { ReloadOutcome } from './server/ports.js';
import { openServer, type Server } from './server/server.js';
import type { SignalStore } from './signals/contract.js';
import type { SignalMetrics } from './signals/metrics.js';
import { openSignalStore } from './signals/store.js';

export interface DaemonOptions extends Omit<FoundationOptions, 'config' | 'onRequest' | 'onGateClosed'> {
  readonly loaded: LoadedConfig;
  /** Scheme and host of the exchange's streams. */
  readonly streamUrl: string;
  readonly version: string;
  readonly log: RootLogger;
  /** Reads the configuration again. Throws a `ConfigError`. */
  readonly readConfig: () => LoadedConfig;
  /** Memory is used up: the process should end and be started anew. */
  readonly onRestartWanted: () => void;
}

export interface Daemon {
  /** `http://host:port` */
  readonly url: string;
  /** Resolves when the first cycle has ended. */
  readonly firstCycle: Promise<void>;
  /** Empty when what is served is true of the newest slot. */
  unready(): readonly UnreadyReason[];
  reload(): Promise<ReloadOutcome>;
  /**
   * Ends intake at once, lets the cycle under way publish or abandons it, writes what changed, and releases everything
   * in reverse order. May be called again.
   */
  stop(): Promise<void>;
}

/** Results of symbols: those of a large market, before and after its candles were final, and some more. */
const RESULTS = 4_096;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/**
 * Builds the parts in order and begins to serve; behind that the market is opened, again and again until the exchange
 * answers. Rejects with a `ConfigError` where the configuration cannot be put into effect.
 */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const releasers = new Releasers();
  try {
    const parts = await openParts(options, releasers);
    const daemon = new RunningDaemon(options, parts, releasers);
    await daemon.open();
    return daemon;
  } catch (error) {
    await releasers.release();
    throw error;
  }
}

interface Parts {
  readonly settings: Settings;
  readonly governor: WeightGovernor;
  readonly client: ExchangeClient;
  readonly analyzers: Analyzers;
  readonly time: Timekeeping;
  readonly signals: SignalStore;
  readonly results: ResultCache<SymbolResult>;
  readonly instruments: Instruments;
  readonly analyzerMetrics: AnalyzerMetrics;
  readonly signalMetrics: SignalMetrics;
}

/** Everything that needs no word of the exchange. */
async function openParts(options: DaemonOptions, releasers: Releasers): Promise<Parts> {
  const { clock, random, log, loaded, version } = options;
  const { config } = loaded;
  const { timeframes } = config;
  const exchangeLog = log.child({ part: 'exchange' });
  const foundation: FoundationOptions = {
    ...options,
    config,
    onGateClosed: ({ until, reason }, unsaved) => {
      exchangeLog.warn({ until: new Date(until).toISOString(), reason }, 'the exchange closed its gate');
      if (unsaved !== null) exchangeLog.error({ err: unsaved }, 'a restart will not know that the gate is closed');
    },
  };
  const governor = openGovernor(foundation, releasers);
  const instruments = new Instruments(governor, { version, timeframes });
  const analyzers = await Analyzers.start({
    ...config.analyzers,
    clock,
    onEvent: (event) => {
      analyzerMetrics.happened(event);
      log.child({ part: 'analyzers' }).warn(event, 'analyzers');
    },
  });
  releasers.push(() => analyzers.close());
  const names = analyzers.analyzers.map(({ name }) => name);
  const analyzerMetrics = instruments.watchAnalyzers(names, () => analyzers);
  const client = await openClient({ ...foundation, onRequest: instruments.onRequest }, governor, releasers);
  const time = openTimekeeping({ client, governor, clock, random, log: log.child({ part: 'time' }), releasers });
  instruments.watchTime(time);
  const signalsLog = log.child({ part: 'signals' });
  const signals = await openSignalStore({
    dir: join(config.dataDir, 'signals'),
    clock: time.exchangeClock,
    longestTimeframe: timeframes.at(-1) as Timeframe,
    retentionMs: config.signals.retentionMs,
    onNotice: (notice) => signalsLog.warn(notice, 'the signals on disk'),
  });
  releasers.push(() => signals.close());
  const signalMetrics = instruments.watchSignals(signals, names, timeframes);
  const results = new ResultCache<SymbolResult>({ maxEntries: RESULTS });
  const settings = new Settings(loaded);
  return { settings, governor, client, analyzers, time, signals, results, instruments, analyzerMetrics, signalMetrics };
}

class RunningDaemon implements Daemon {
  readonly firstCycle: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #parts: Parts;
  readonly #releasers: Releasers;
  readonly #startedAt: number;
  readonly #stop = new AbortController();
  /** Resolves when the market is open and scanned, or the daemon was stopped before that. */
  #opening: Promise<void> = Promise.resolve();
  #server: Server | null = null;
  #market: Market | null = null;
  #scanning: Scanning | null = null;
  #startFailure: string | null = null;
  #stopped: Promise<void> | null = null;
  #firstEnded: () => void = () => {};

  constructor(options: DaemonOptions, parts: Parts, releasers: Releasers) {
    this.#options = options;
    this.#parts = parts;
    this.#releasers = releasers;
    this.#startedAt = options.clock.now();
    this.firstCycle = new Promise((resolve) => {
      this.#firstEnded = resolve;
    });
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async open(): Promise<void> {
    const { clock, log, version, onRestartWanted } = this.#options;
    const { settings, analyzers, signals, results, instruments } = this.#parts;
    const ports = serverPorts({
      version,
      startedAt: this.#startedAt,
      settings,
      analyzers,
      signals,
      instruments,
      market: () => this.#market,
      scanning: () => this.#scanning,
      unready: () => this.unready(),
      reload: () => this.reload(),
    });
    const server = await openServer({ ...settings.config.server, token: tokenOf(settings), ports, log, clock });
    this.#server = server;
    this.#releasers.push(() => server.close());
    const guard = openRelief({
      limitBytes: settings.config.memory.limitBytes,
      clock,
      log: log.child({ part: 'memory' }),
      results,
      market: () => this.#market,
      onRestartWanted,
    });
    this.#releasers.push(() => guard.stop());
    instruments.watchMemory(guard);
    this.#opening = this.#openMarket();
  }

  unready(): readonly UnreadyReason[] {
    const { settings, governor, time } = this.#parts;
    return unreadyReasons({
      stopping: this.#stop.signal.aborted,
      startFailure: this.#startFailure,
      lastSlot: this.#scanning?.lastSlot ?? null,
      lastFailed: this.#scanning?.history.list(1)[0]?.outcome === 'failed',
      now: time.keeper.exchangeNow(),
      slotMs: timeframeMs(settings.config.timeframes[0]),
      deadlineMs: settings.config.cycle.deadlineMs,
      closedForMs: governor.closedForMs,
    });
  }

  async reload(): Promise<ReloadOutcome> {
    const { log, clock, readConfig } = this.#options;
    const { settings, analyzers } = this.#parts;
    const server = this.#server;
    const between = this.#scanning?.between.bind(this.#scanning) ?? ((run: () => Promise<ReloadOutcome>) => run());
    const outcome = await between(() => applyReload({ settings, analyzers, server, log, clock, readConfig }));
    log.child({ part: 'config' })[outcome.ok ? 'info' : 'error'](outcome, 'read the configuration again');
    return outcome;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    await this.#scanning?.stop();
    await this.#opening;
    await this.#releasers.release();
  }

  /** Never rejects: what fails here is tried again until the daemon is stopped. */
  async #openMarket(): Promise<void> {
    const { clock, random, log } = this.#options;
    const { signal } = this.#stop;
    try {
      await retry(() => this.#tryMarket(), {
        retries: Number.POSITIVE_INFINITY,
        budget: new RetryBudget({ initial: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY }),
        isRetryable: () => !signal.aborted,
        backoffMs: FIRST_RETRY_MS,
        longestBackoffMs: LONGEST_RETRY_MS,
        clock,
        random,
        signal,
      });
    } catch (err) {
      if (!signal.aborted) log.fatal({ err }, 'the market could not be opened');
    }
  }

  async #tryMarket(): Promise<void> {
    const { clock, log } = this.#options;
    const { settings, client, governor, time, instruments } = this.#parts;
    const { config } = settings;
    const market = new Releasers();
    try {
      // A slot of a clock that is wrong would keep the true ones from running.
      await abortable(time.keeper.synchronized, this.#stop.signal);
      const start = clock.monotonic();
      const { universe } = await loadUniverse(client, governor, {
        filters: config.universe,
        clock: time.exchangeClock,
        mayTrustDate: true,
      });
      instruments.cycles.prepared('universe', clock.monotonic() - start);
      this.#stop.signal.throwIfAborted();
      await this.#scan(universe, market);
      this.#releasers.push(() => market.release());
    } catch (err) {
      await market.release();
      if (!this.#stop.signal.aborted) {
        this.#startFailure = err instanceof Error ? err.message : String(err);
        log.warn({ err }, 'the market could not be opened; it is tried again');
      }
      throw err;
    }
  }

  async #scan(
    universe: Market['keeper'] extends { current(): infer U } ? U : never,
    releasers: Releasers,
  ): Promise<void> {
    const { clock, log } = this.#options;
    const { settings, client, governor, time, instruments, results } = this.#parts;
    const start = clock.monotonic();
    const market = await openMarket({
      ...this.#options,
      config: settings.config,
      client,
      governor,
      universe,
      exchangeClock: time.exchangeClock,
      log,
      releasers,
      onAnswered: instruments.onAnswered,
      onRevision: (key) => this.#scanning?.noteRevision(key),
    });
    instruments.cycles.prepared('cache', clock.monotonic() - start);
    instruments.watchMarket(market, results);
    this.#market = market;
    this.#startFailure = null;
    const scanning = new Scanning({ ...this.#parts, market, clock, log, releasers });
    this.#scanning = scanning;
    releasers.push(() => scanning.stop());
    void scanning.firstCycle.then(this.#firstEnded);
    if (!this.#stop.signal.aborted) scanning.start();
  }
}

function tokenOf({ config }: Settings): string | null {
  return config.server.token?.reveal() ?? null;
}

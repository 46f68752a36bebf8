import pLimit from 'p-limit';
import { timeframeMs } from '../domain/timeframe.js';
import { abortable } from '../lib/abort.js';
import { type MemoryGuard, systemMemory } from '../lib/memory-guard.js';
import type { Releasers } from '../lib/releasers.js';
import type { Universe } from '../pipeline/universe.js';
import { loadUniverse } from '../scheduler/prepare.js';
import type { ReloadOutcome } from '../server/ports.js';
import { openServer, type Server } from '../server/server.js';
import { type Market, openMarket } from './market.js';
import { openAtLast } from './opening.js';
import type { Daemon, DaemonOptions, Parts } from './parts.js';
import { serverPorts } from './ports.js';
import { type UnreadyReason, unreadyReasons } from './readiness.js';
import { openRelief, relieveAtOnce } from './relief.js';
import { applyReload } from './reload.js';
import { Scanning } from './scanning.js';
import { accessOf } from './settings.js';

/** The parts at work: what is served from the first moment on, and the market as soon as the exchange answers. */
export class RunningDaemon implements Daemon {
  readonly firstCycle: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #parts: Parts;
  readonly #releasers: Releasers;
  readonly #startedAt: number;
  readonly #stop = new AbortController();
  /** Cycles and what must not happen during one take turns. */
  readonly #turns = pLimit(1);
  /** Resolves when the market is open and scanned, or the daemon was stopped before that. */
  #opening: Promise<void> = Promise.resolve();
  #server: Server | null = null;
  #guard: MemoryGuard | null = null;
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
    await this.#serve();
    this.#keepWithinMemory();
    this.#opening = this.#openMarket();
  }

  unready(): readonly UnreadyReason[] {
    const { settings, governor, time } = this.#parts;
    return unreadyReasons({
      stopping: this.#stop.signal.aborted,
      startFailure: this.#startFailure,
      lastSlot: this.#scanning?.lastSlot ?? null,
      lastFailed: this.#scanning?.lastFailed ?? false,
      now: time.keeper.exchangeNow(),
      slotMs: timeframeMs(settings.config.timeframes[0]),
      deadlineMs: settings.config.cycle.deadlineMs,
      closedForMs: governor.closedForMs,
    });
  }

  async reload(): Promise<ReloadOutcome> {
    const { log, readConfig } = this.#options;
    const outcome = await this.#turns(async (): Promise<ReloadOutcome> => {
      if (this.#stop.signal.aborted) return { ok: false, reason: 'the process is about to end' };
      const [server, memory, market] = [this.#server, this.#guard, this.#market];
      return applyReload({ ...this.#parts, server, memory, market, log, readConfig });
    });
    log.child({ part: 'config' })[outcome.ok ? 'info' : 'error'](outcome, 'read the configuration again');
    return outcome;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#stop.abort(new Error('the daemon is being stopped'));
    await this.#scanning?.stop();
    await this.#opening;
    await this.#turns(() => undefined);
    await this.#releasers.release();
  }

  async #serve(): Promise<void> {
    const { clock, log, version } = this.#options;
    const { settings, analyzers, signals, instruments } = this.#parts;
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
      memory: () => this.#guard?.stats() ?? null,
      reload: () => this.reload(),
    });
    const { host, port } = settings.config.server;
    const server = await openServer({ host, port, ...accessOf(settings.config), ports, log, clock });
    this.#server = server;
    this.#releasers.push(() => server.close());
    instruments.watchServer(server);
  }

  #keepWithinMemory(): void {
    const { clock, log, onRestartWanted, memoryProbe: probe = systemMemory } = this.#options;
    const { settings, results, instruments } = this.#parts;
    const guard = openRelief({
      limitBytes: settings.config.memory.limitBytes,
      clock,
      log: log.child({ part: 'memory' }),
      results,
      market: () => this.#market,
      onRestartWanted,
      probe,
    });
    this.#guard = guard;
    this.#releasers.push(() => guard.stop());
    instruments.watchMemory(guard);
  }

  async #openMarket(): Promise<void> {
    const { clock, random, log } = this.#options;
    const opened = await openAtLast((releasers) => this.#tryMarket(releasers), {
      clock,
      random,
      signal: this.#stop.signal,
      onFailure: (err) => {
        this.#startFailure = err instanceof Error ? err.message : String(err);
        log.warn({ err }, 'the market could not be opened; it is tried again');
      },
    });
    if (opened !== null) this.#releasers.push(() => opened.release());
  }

  async #tryMarket(releasers: Releasers): Promise<void> {
    const { clock, log } = this.#options;
    const { settings, client, governor, time, instruments, results } = this.#parts;
    const { config } = settings;
    const { signal } = this.#stop;
    const universe = await this.#listMarkets();
    const start = clock.monotonic();
    const market = await openMarket({
      ...this.#options,
      settings,
      config,
      client,
      governor,
      universe,
      exchangeClock: time.exchangeClock,
      releasers,
      signal,
      onAnswered: instruments.onAnswered,
      onRevision: (key) => this.#scanning?.noteRevision(key),
    });
    instruments.cycles.prepared('cache', clock.monotonic() - start);
    signal.throwIfAborted();
    instruments.watchMarket(market, results);
    this.#market = market;
    if (this.#guard !== null) relieveAtOnce(market, this.#guard.level());
    this.#startFailure = null;
    // Another configuration may have come while it was being opened.
    market.reconfigure(settings.config);
    const scanning = new Scanning({ ...this.#parts, market, turns: this.#turns, clock, log });
    this.#scanning = scanning;
    releasers.push(() => scanning.stop());
    void scanning.firstCycle.then(this.#firstEnded);
    scanning.start();
  }

  async #listMarkets(): Promise<Universe> {
    const { clock } = this.#options;
    const { settings, client, governor, time, instruments } = this.#parts;
    const { signal } = this.#stop;
    const start = clock.monotonic();
    const { universe } = await loadUniverse(client, governor, {
      filters: settings.config.universe,
      clock: time.exchangeClock,
      mayTrustDate: true,
      signal,
    });
    instruments.cycles.prepared('universe', clock.monotonic() - start);
    // A slot of a clock that is wrong would keep the true ones from running. The list comes first, because its failure
    // says what is wrong.
    await abortable(time.keeper.synchronized, signal);
    return universe;
  }
}

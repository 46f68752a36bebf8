import pLimit from 'p-limit';
import type { AnalyzerMetrics } from '../analyzers/metrics.js';
import type { ResultCache } from '../cache/results.js';
import type { Slot } from '../domain/slot.js';
import { timeframeMs } from '../domain/timeframe.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import type { Releasers } from '../lib/releasers.js';
import type { ExchangeClient } from '../pipeline/exchange/contract.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';
import type { SeriesKey } from '../pipeline/source.js';
import { CycleHistory } from '../scheduler/cycle-history.js';
import type { CycleRecord } from '../scheduler/cycle-record.js';
import { planCycle } from '../scheduler/prepare.js';
import { Publisher } from '../scheduler/publisher.js';
import { RememberedAnalysis, type SymbolResult } from '../scheduler/remembered-analysis.js';
import type { CycleReport } from '../scheduler/report.js';
import { SlotLoop, type SlotTick } from '../scheduler/slot-loop.js';
import { SlotRunner } from '../scheduler/slot-runner.js';
import type { SignalStore } from '../signals/contract.js';
import type { SignalMetrics } from '../signals/metrics.js';
import type { Analyzers } from './analyzers.js';
import type { Instruments } from './instruments.js';
import { deepeningOrder, type Market } from './market.js';
import { cycleItem } from './ports.js';
import type { Settings } from './settings.js';
import type { Timekeeping } from './timekeeping.js';

export interface ScanningOptions {
  readonly settings: Settings;
  readonly market: Market;
  readonly analyzers: Analyzers;
  readonly results: ResultCache<SymbolResult>;
  readonly signals: SignalStore;
  readonly client: ExchangeClient;
  readonly governor: WeightGovernor;
  readonly time: Timekeeping;
  readonly instruments: Instruments;
  readonly analyzerMetrics: AnalyzerMetrics;
  readonly signalMetrics: SignalMetrics;
  /** Wall clock and timers of ours. */
  readonly clock: Clock;
  readonly log: Logger;
  readonly releasers: Releasers;
}

/** Revisions come in bursts, when a connection is back. */
const REVIEW_AFTER_MS = 500;
const DRAIN_MS = 1_500;

/** Cycle after cycle over an open market, and what is known of them. */
export class Scanning {
  readonly history = new CycleHistory<CycleRecord>();
  /** Resolves when the first cycle has ended in any way. */
  readonly firstCycle: Promise<void>;
  readonly #options: ScanningOptions;
  readonly #runner: SlotRunner;
  readonly #loop: SlotLoop;
  /** Cycles and what must not happen during one take turns. */
  readonly #turns = pLimit(1);
  readonly #stop = new AbortController();
  #firstEnded: () => void = () => {};
  #audit: Promise<void> = Promise.resolve();
  #reviewDue = false;
  /** The newest slot whose cycle analyzed something. */
  #lastSlot: Slot | null = null;

  constructor(options: ScanningOptions) {
    this.#options = options;
    this.firstCycle = new Promise((resolve) => {
      this.#firstEnded = resolve;
    });
    this.#runner = this.#createRunner();
    this.#loop = this.#createLoop();
  }

  start(): void {
    this.#loop.start();
  }

  /** No further slot begins; the cycle under way publishes, or is abandoned after a moment. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop.stop();
    await this.#audit;
    await this.#turns(() => undefined);
  }

  /** The newest slot that is known, null before the first. */
  get lastSlot(): Slot | null {
    return this.#lastSlot;
  }

  stats() {
    return this.#loop.stats();
  }

  /** Runs something between cycles. */
  between<T>(run: () => Promise<T>): Promise<T> {
    return this.#turns(run);
  }

  noteRevision(key: SeriesKey): void {
    this.#runner.noteRevision(key);
    if (this.#reviewDue || this.#stop.signal.aborted) return;
    this.#reviewDue = true;
    this.#options.clock.setTimer(REVIEW_AFTER_MS, () => {
      this.#reviewDue = false;
      if (!this.#stop.signal.aborted) void this.#turns(() => this.#runner.review());
    });
  }

  #createRunner(): SlotRunner {
    const {
      market,
      analyzers,
      results,
      signals,
      client,
      governor,
      settings,
      analyzerMetrics,
      signalMetrics,
      time,
      log,
    } = this.#options;
    const { config } = settings;
    const { live } = market;
    const counted = {
      get analyzers() {
        return analyzers.analyzers;
      },
      get quarantined() {
        return analyzers.quarantined;
      },
      analyze: async (...batch: Parameters<Analyzers['analyze']>) => {
        const result = await analyzers.analyze(...batch);
        analyzerMetrics.analyzed(result);
        return result;
      },
    };
    return new SlotRunner({
      timeframes: config.timeframes,
      pipeline: market.pipeline,
      store: market.store,
      batches: market.batches,
      streamed: live !== null,
      arrivedAt: (symbol) => live?.arrivedAt(symbol) ?? null,
      provisional: () =>
        live !== null && settings.config.cycle.provisional ? (symbol, slot) => live.provisional(symbol, slot) : null,
      analysis: new RememberedAnalysis({ pool: counted, results }),
      leastWarmup: () => analyzers.leastWarmup,
      publisher: new Publisher({
        signals,
        exchange: config.exchange.id,
        pool: counted,
        onPublished: (changes) => signalMetrics.published(changes),
      }),
      symbols: market.symbols,
      batchSymbols: config.batch.symbols,
      exchange: config.exchange.id,
      clock: time.exchangeClock,
      deadlineMs: (slot) => this.#deadlineMs(slot),
      governor,
      requests: () => client.stats(),
      onCycle: (record, report) => this.#ended(record, report),
      onError: (err) => log.error({ err }, 'something beside a cycle failed'),
    });
  }

  #createLoop(): SlotLoop {
    const { settings, time, clock, log, instruments } = this.#options;
    return new SlotLoop({
      base: settings.config.timeframes[0],
      clock,
      exchangeNow: () => time.keeper.exchangeNow(),
      pausedMs: () => time.watch.pausedMs(),
      run: (tick, signal) => this.#turns(() => this.#run(tick, signal)),
      drainMs: DRAIN_MS,
      onMissed: ({ count, from, to }) => {
        instruments.cycles.missed(count);
        log.warn({ count, from: iso(from), to: iso(to) }, 'slots were missed');
      },
      onError: (err) => {
        instruments.cycles.failed();
        log.error({ err }, 'a cycle failed');
      },
    });
  }

  async #run(tick: SlotTick, signal: AbortSignal): Promise<void> {
    const { market } = this.#options;
    // A cycle needs the exchange and the processor for itself.
    market.deepening.pause('cycle');
    try {
      await this.#runner.run(tick, signal);
    } finally {
      market.deepening.resume('cycle');
      this.#firstEnded();
    }
    if (this.#stop.signal.aborted) return;
    market.deepening.request(deepeningOrder(market, this.#options.settings.config.timeframes[0]));
    this.#audit = this.#runAudit(tick.slot);
  }

  async #runAudit(slot: Slot): Promise<void> {
    const { market, log } = this.#options;
    await market.live?.audit(slot, this.#stop.signal).catch((err: unknown) => {
      if (!this.#stop.signal.aborted) log.error({ err }, 'derived candles could not be compared');
    });
  }

  #ended(record: CycleRecord, report: CycleReport): void {
    const { instruments, market, log } = this.#options;
    this.history.push(record);
    instruments.cycles.reported(report);
    if (record.outcome !== 'failed') this.#lastSlot = record.slot;
    for (const { symbol, reason } of report.symbols.skipped) {
      if (reason === 'delisted') market.keeper.noteBadSymbol(symbol);
    }
    for (const failure of report.failures) log.warn(failure, 'an analyzer failed');
    log.info(cycleItem(record), 'cycle');
  }

  /** The first candles of a market may have to wait for the exchange's next minute; later cycles must not. */
  #deadlineMs(slot: Slot): number {
    const { settings, market, client, governor } = this.#options;
    const { cycle, candles, timeframes } = settings.config;
    if (this.#lastSlot !== null) return cycle.deadlineMs;
    const plan = planCycle(client, governor, market.store, market.keys(), slot, candles.firstLook);
    return Math.max(cycle.deadlineMs, Math.min(cycle.deadlineMs + plan.waitMs, timeframeMs(timeframes[0])));
  }
}

function iso(slot: Slot): string {
  return new Date(slot).toISOString();
}

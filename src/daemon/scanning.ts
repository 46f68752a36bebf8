import type { LimitFunction } from 'p-limit';
import type { AnalyzerMetrics } from '../analyzers/metrics.js';
import type { ResultCache } from '../cache/results.js';
import type { Slot } from '../domain/slot.js';
import { timeframeMs } from '../domain/timeframe.js';
import type { Cancel, Clock } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import type { ExchangeClient } from '../pipeline/exchange/contract.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';
import type { SeriesKey } from '../pipeline/source.js';
import { CycleHistory } from '../scheduler/cycle-history.js';
import type { CycleRecord } from '../scheduler/cycle-record.js';
import { planCycle } from '../scheduler/prepare.js';
import type { SymbolResult } from '../scheduler/remembered-analysis.js';
import type { CycleReport } from '../scheduler/report.js';
import { SlotLoop, type SlotTick } from '../scheduler/slot-loop.js';
import type { SlotRunner } from '../scheduler/slot-runner.js';
import type { SignalStore } from '../signals/contract.js';
import type { SignalMetrics } from '../signals/metrics.js';
import type { Analyzers } from './analyzers.js';
import type { Instruments } from './instruments.js';
import { deepeningOrder, type Market } from './market.js';
import { cycleItem } from './ports.js';
import { createSlotRunner } from './runner.js';
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
  /** One at a time: cycles, and what must not happen during one. */
  readonly turns: LimitFunction;
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
  readonly #stop = new AbortController();
  #firstEnded: () => void = () => {};
  #audit: Promise<void> | null = null;
  /** Of the review that is due; null when none is. */
  #cancelReview: Cancel | null = null;
  /** The newest slot whose cycle analyzed something. */
  #lastSlot: Slot | null = null;
  #lastFailed = false;

  constructor(options: ScanningOptions) {
    this.#options = options;
    this.firstCycle = new Promise((resolve) => {
      this.#firstEnded = resolve;
    });
    this.#runner = createSlotRunner(options, {
      deadlineMs: (slot) => this.#deadlineMs(slot),
      onCycle: (record, report) => this.#ended(record, report),
    });
    this.#loop = this.#createLoop();
  }

  start(): void {
    this.#loop.start();
  }

  /** No further slot begins; the cycle under way publishes, or is abandoned after a moment. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelReview?.();
    await this.#loop.stop();
    await this.#audit;
    // A review under way.
    await this.#options.turns(() => undefined);
  }

  /** The newest slot that is known, null before the first. */
  get lastSlot(): Slot | null {
    return this.#lastSlot;
  }

  /** Whether the newest cycle could analyze nothing, or could not run at all. */
  get lastFailed(): boolean {
    return this.#lastFailed;
  }

  stats() {
    return this.#loop.stats();
  }

  noteRevision(key: SeriesKey): void {
    this.#runner.noteRevision(key);
    if (this.#cancelReview !== null || this.#stop.signal.aborted) return;
    const { clock, turns } = this.#options;
    this.#cancelReview = clock.setTimer(REVIEW_AFTER_MS, () => {
      this.#cancelReview = null;
      void turns(() => this.#runner.review());
    });
  }

  #createLoop(): SlotLoop {
    const { settings, time, clock, log, instruments, turns } = this.#options;
    return new SlotLoop({
      base: settings.config.timeframes[0],
      clock,
      exchangeNow: () => time.keeper.exchangeNow(),
      pausedMs: () => time.watch.pausedMs(),
      run: (tick, signal) => turns(() => this.#run(tick, signal)),
      drainMs: DRAIN_MS,
      onMissed: ({ count, from, to }) => {
        instruments.cycles.missed(count);
        log.warn({ count, from: iso(from), to: iso(to) }, 'slots were missed');
      },
      onError: (err) => {
        this.#lastFailed = true;
        instruments.cycles.failed();
        log.error({ err }, 'a cycle failed');
      },
    });
  }

  async #run(tick: SlotTick, signal: AbortSignal): Promise<void> {
    const { market } = this.#options;
    // It may have waited for its turn beyond the patience of the loop.
    signal.throwIfAborted();
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
    // One at a time, however long the exchange takes.
    this.#audit ??= this.#runAudit(tick.slot).finally(() => {
      this.#audit = null;
    });
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
    this.#lastFailed = record.outcome === 'failed';
    if (!this.#lastFailed) this.#lastSlot = record.slot;
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

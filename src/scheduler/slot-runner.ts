import type { SeriesWindow } from '../domain/series.js';
import type { Finding } from '../domain/signal.js';
import { lastClosedOpenTime, type Slot } from '../domain/slot.js';
import type { Timeframe } from '../domain/timeframe.js';
import type { Clock } from '../lib/clock.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { liquidityHeld, priorityOrder } from '../pipeline/priority.js';
import type { SeriesKey, SeriesStore } from '../pipeline/source.js';
import type { BatchOrder } from './batches.js';
import { runCycle } from './cycle.js';
import { type CycleRecord, cycleRecord } from './cycle-record.js';
import { deadlineSignal } from './deadline.js';
import { Latencies } from './latencies.js';
import { runProvisional } from './provisional.js';
import type { Publisher } from './publisher.js';
import type { RememberedAnalysis } from './remembered-analysis.js';
import type { CycleReport } from './report.js';
import type { SlotTick } from './slot-loop.js';
import type { FinishedBatch } from './summary.js';

export interface SlotRunnerOptions {
  readonly timeframes: readonly [Timeframe, ...Timeframe[]];
  readonly pipeline: Pick<Pipeline, 'acquire'>;
  readonly store: SeriesStore;
  readonly batches: BatchOrder;
  readonly streamed: boolean;
  /** When the symbol's newest candle came, monotonic ms; null when that is not known. */
  readonly arrivedAt: (symbol: string) => number | null;
  /** The series of a symbol as they will be at the slot if nothing changes any more; null where nothing is published before it is final. */
  readonly provisional: () => ((symbol: string, slot: Slot) => readonly SeriesWindow[] | null) | null;
  readonly analysis: RememberedAnalysis;
  /** Candles that the least demanding analyzer needs. */
  readonly leastWarmup: () => number;
  readonly publisher: Publisher;
  readonly symbols: () => readonly string[];
  /** Symbols per batch. */
  readonly batchSymbols: () => number;
  readonly exchange: string;
  readonly clock: Clock;
  /** How long the cycle of a slot may take, from its start. */
  readonly deadlineMs: (slot: Slot) => number;
  readonly governor: { readonly waiting: number };
  readonly requests: () => { readonly total: number; readonly weight: number };
  readonly onCycle: (record: CycleRecord, report: CycleReport) => void;
  /** Something beside the cycle failed: provisional signals, or a second look. */
  readonly onError: (error: unknown) => void;
}

/** Of a batch, so that one of final candles never waits long for a worker. */
const PROVISIONAL_SHARE = 4;

/**
 * What happens at a slot: candles that ended are looked at as they are at once, then each symbol again as soon as its
 * candles are final, those first that people look at first.
 */
export class SlotRunner {
  readonly #options: SlotRunnerOptions;
  /** When the newest signal of a symbol was found, by its candle's close. */
  readonly #recentSignals = new Map<string, number>();
  /** Series to be looked at again, by their names. */
  readonly #revised = new Map<string, SeriesKey>();
  #lastSlot: Slot | null = null;
  #running = false;

  constructor(options: SlotRunnerOptions) {
    this.#options = options;
  }

  /** Ends when the slot's cycle has published. Rejects when the cycle could not run at all. */
  async run(tick: SlotTick, stop: AbortSignal): Promise<void> {
    const { clock, arrivedAt, deadlineMs, governor, requests, publisher, onCycle } = this.#options;
    const { slot } = tick;
    const symbols = this.#inOrder();
    const before = requests();
    const latencies = new Latencies(clock, arrivedAt);
    const deadline = deadlineSignal(clock, deadlineMs(slot), governor, stop);
    this.#running = true;
    try {
      const report = await this.#lookAt(slot, symbols, latencies, deadline.signal);
      this.#lastSlot = slot;
      const after = requests();
      const extras = {
        requests: after.total - before.total,
        weight: after.weight - before.weight,
        signals: publisher.takeCounts(),
        arrivalToPublished: latencies.summary(),
      };
      onCycle(cycleRecord(report, tick, extras), report);
    } finally {
      deadline.cancel();
      this.#running = false;
    }
    await this.review();
  }

  /** What is not final yet at once, what is final as it comes. Nothing of either goes on after this has settled. */
  async #lookAt(
    slot: Slot,
    symbols: readonly string[],
    latencies: Latencies,
    signal: AbortSignal,
  ): Promise<CycleReport> {
    const final = new AbortController();
    const early = this.#foretell(slot, symbols, final.signal);
    try {
      return await runCycle(this.#cycleParts(slot, latencies), slot, symbols, signal);
    } finally {
      final.abort();
      await early;
    }
  }

  /** Candles of the series changed after they were final: what was concluded from them is looked at again. */
  noteRevision(key: SeriesKey): void {
    this.#revised.set(`${key.timeframe}/${key.symbol}`, key);
  }

  /** Looks again at what was revised since; while a cycle runs, its end does. Never rejects. */
  async review(): Promise<void> {
    const { store, timeframes, analysis, publisher, onError } = this.#options;
    const slot = this.#lastSlot;
    if (slot === null || this.#running || this.#revised.size === 0) return;
    const revised = [...this.#revised.values()];
    this.#revised.clear();
    for (const key of revised) publisher.revised(key);
    // All of a symbol, because an opinion on one timeframe may rest on another.
    const windows = [...new Set(revised.map(({ symbol }) => symbol))].flatMap((symbol) =>
      timeframes.flatMap((timeframe) => {
        const until = lastClosedOpenTime(slot, timeframe);
        const series = store.get({ symbol, timeframe });
        return series === undefined || (series.lastOpenTime ?? 0) < until ? [] : series.window({ until });
      }),
    );
    try {
      const result = await analysis.analyze({ slot, series: windows });
      await publisher.publish({ slot, status: 'confirmed', windows, result });
    } catch (error) {
      onError(error);
    }
  }

  /** Symbols that are gone are forgotten on the way. */
  #inOrder(): readonly string[] {
    const { symbols, store, timeframes, publisher } = this.#options;
    const all = symbols();
    const kept = new Set(all);
    const recentSignals = this.#recentSignals;
    for (const symbol of recentSignals.keys()) if (!kept.has(symbol)) recentSignals.delete(symbol);
    publisher.keepOnly(kept);
    return priorityOrder(all, { liquidity: liquidityHeld(all, store, timeframes[0]), recentSignals });
  }

  #cycleParts(slot: Slot, latencies: Latencies) {
    const { pipeline, analysis, leastWarmup, clock, exchange, batches, streamed, publisher } = this.#options;
    return {
      pipeline,
      analyzers: { analyze: analysis.analyze.bind(analysis), leastWarmup: leastWarmup() },
      clock,
      exchange,
      batches,
      streamed,
      onBatch: async ({ acquired, result }: FinishedBatch) => {
        for (const finding of result.findings) this.#noteSignal(finding);
        await publisher.publish({ slot, status: 'confirmed', windows: acquired.windows, result });
        latencies.published(acquired.windows);
      },
    };
  }

  #noteSignal({ symbol, candleCloseTime }: Finding): void {
    this.#recentSignals.set(symbol, Math.max(candleCloseTime, this.#recentSignals.get(symbol) ?? 0));
  }

  /** Never rejects: provisional signals are a courtesy. */
  async #foretell(slot: Slot, symbols: readonly string[], signal: AbortSignal): Promise<void> {
    const { analysis, batchSymbols, publisher, onError } = this.#options;
    const windowsOf = this.#options.provisional();
    if (windowsOf === null) return;
    try {
      await runProvisional(
        {
          windowsOf,
          analyze: (batch, until) => analysis.analyze(batch, until),
          size: Math.ceil(batchSymbols() / PROVISIONAL_SHARE),
          onBatch: (result, windows) => publisher.publish({ slot, status: 'provisional', windows, result }),
        },
        slot,
        symbols,
        signal,
      );
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
  }
}

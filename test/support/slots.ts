import type { AnalysisBatch, AnalyzerFailure, BatchResult } from '../../src/analyzers/contract.js';
import type { AnalyzerInfo } from '../../src/analyzers/registry.js';
import { ResultCache } from '../../src/cache/results.js';
import type { CandleRow } from '../../src/domain/candle.js';
import { columnsOf, type Series, type SeriesWindow } from '../../src/domain/series.js';
import type { Finding } from '../../src/domain/signal.js';
import { lastClosedOpenTime, type Slot } from '../../src/domain/slot.js';
import { type Timeframe, timeframeMs } from '../../src/domain/timeframe.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { CandleSource, SeriesKey, SeriesOutcome } from '../../src/pipeline/source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { inOrder } from '../../src/scheduler/batches.js';
import type { CycleRecord } from '../../src/scheduler/cycle-record.js';
import { Publisher } from '../../src/scheduler/publisher.js';
import { RememberedAnalysis, type SymbolResult } from '../../src/scheduler/remembered-analysis.js';
import type { SlotTick } from '../../src/scheduler/slot-loop.js';
import { SlotRunner, type SlotRunnerOptions } from '../../src/scheduler/slot-runner.js';
import type { SignalChange, SignalStore } from '../../src/signals/contract.js';
import { rowsUntil, seriesOf } from './candles.js';
import { FakeClock, settled } from './fake-clock.js';
import { openStore, signalsDir } from './signals.js';

export const SLOT = Date.UTC(2026, 0, 1, 12);
export const SLOT_MS = timeframeMs('5m');

export function analyzerInfo(name: string, more: Partial<AnalyzerInfo> = {}): AnalyzerInfo {
  const identity = { name, kind: 'series', version: '1.0.0', description: 'for a test', origin: 'built-in' } as const;
  return { ...identity, parameters: {}, warmup: 1, dependsOn: [], ...more };
}

export const closeTimeOf = (window: SeriesWindow): number =>
  (columnsOf(window).openTime.at(-1) as number) + timeframeMs(window.timeframe);

/** Long where the newest candle rose, short where it fell, nothing where it did neither. */
export function opinionOf(window: SeriesWindow, analyzer = 'trend'): Finding[] {
  const { open, close } = columnsOf(window);
  const rise = (close.at(-1) as number) - (open.at(-1) as number);
  if (rise === 0) return [];
  const { symbol, timeframe } = window;
  const about = { symbol, timeframe, analyzer, version: '1.0.0', candleCloseTime: closeTimeOf(window) };
  const said = { direction: rise > 0 ? 'long' : 'short', strength: 0.5, reasons: ['because'] } as const;
  return [{ ...about, ...said, price: close.at(-1) as number, inputDigest: 'd'.repeat(32) }];
}

/** Analyzers in this thread, which do as they are told. */
export class FakePool {
  analyzers: readonly AnalyzerInfo[] = [analyzerInfo('trend')];
  /** Analyzers that are in quarantine, and so are not run. */
  kept: readonly string[] = [];
  failures: readonly AnalyzerFailure[] = [];
  /** What happens before a batch is answered. */
  before: (batch: AnalysisBatch) => Promise<void> = async () => {};
  readonly batches: AnalysisBatch[] = [];

  /** Symbols of every batch so far, in the order of asking. */
  get asked(): string[][] {
    return this.batches.map(({ series }) => [...new Set(series.map(({ symbol }) => symbol))]);
  }

  analyze = async (batch: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult> => {
    this.batches.push(batch);
    const run = this.analyzers.filter(({ name }) => !this.kept.includes(name));
    await this.before(batch);
    signal?.throwIfAborted();
    const failed = new Set(this.failures.map(({ analyzer }) => analyzer));
    const heard = run.filter(({ name }) => !failed.has(name));
    const findings = heard.flatMap(({ name }) => batch.series.flatMap((window) => opinionOf(window, name)));
    const runs = run.map(({ name }) => ({ analyzer: name, durationMs: 1, findings: 0, warmup: 0 }));
    return { findings, withheld: [], failures: this.failures, runs, durationMs: 1 };
  };
}

/** A candle that opens at 100 and closes at `close`. */
export function candle(openTime: number, close: number): CandleRow {
  return [openTime, 100, Math.max(100, close) + 1, Math.min(100, close) - 1, close, 10];
}

type Store = Pick<SignalStore, 'publish' | 'query'>;
type Brings = (symbol: string, timeframe: Timeframe, slot: Slot) => Promise<number | null>;

/** Lets a few turns of the event loop pass: those of batches, which give way to each other. */
export async function turns(count = 6): Promise<void> {
  for (let turn = 0; turn < count; turn++) await settled();
}

/** A store that takes everything at once and in which nothing changes. */
export const MUTE: Store = {
  publish: async () => ({ changes: [], repeated: 0, stale: 0, saved: true }),
  query: () => ({ items: [], nextCursor: null }),
};

/** Runs slots over a made-up market whose candles are what `brings` says, with signals in a real store. */
export class SlotRig {
  readonly clock = new FakeClock(SLOT, turns);
  readonly store = new MemoryStore();
  readonly pool = new FakePool();
  readonly records: CycleRecord[] = [];
  readonly errors: unknown[] = [];
  /** Every change of a signal, in the order of publication. */
  readonly changes: SignalChange[] = [];
  symbols: readonly string[] = ['AUSDT', 'BUSDT', 'CUSDT'];
  /** What the newest candle of a series closes at, when it has come; null when it does not. */
  brings: Brings = async () => 101;
  /** What is known of the candle that just ended; its close by symbol. */
  foretold: Readonly<Record<string, number>> = {};
  readonly publisher: Publisher;
  readonly runner: SlotRunner;
  readonly signals: Store;

  static async open(options: Partial<SlotRunnerOptions> = {}): Promise<SlotRig> {
    const { store } = await openStore(signalsDir(), { clock: new FakeClock(SLOT + 2_000) });
    return new SlotRig(store, options);
  }

  constructor(signals: Store, { timeframes = ['5m'], ...options }: Partial<SlotRunnerOptions>) {
    this.signals = signals;
    const { clock, store, pool } = this;
    const onPublished = (changes: readonly SignalChange[]) => void this.changes.push(...changes);
    this.publisher = new Publisher({ signals, exchange: 'sim', pool, onPublished });
    const results = new ResultCache<SymbolResult>({ maxEntries: 1_000 });
    this.runner = new SlotRunner({
      timeframes,
      pipeline: new Pipeline({ store, timeframes, clock, sources: [this.#source()] }),
      store,
      batches: inOrder(1),
      streamed: true,
      arrivedAt: () => null,
      provisional: () => (symbol, slot) => this.#foretold(symbol, slot),
      analysis: new RememberedAnalysis({ pool, results }),
      leastWarmup: () => 1,
      publisher: this.publisher,
      symbols: () => this.symbols,
      batchSymbols: () => 1,
      exchange: 'sim',
      clock,
      deadlineMs: () => 30_000,
      governor: { waiting: 0 },
      requests: () => ({ total: 0, weight: 0 }),
      onCycle: (record) => this.records.push(record),
      onError: (error) => this.errors.push(error),
      ...options,
    });
  }

  run(slot: Slot = SLOT, stop: AbortSignal = new AbortController().signal): Promise<void> {
    return this.runner.run(tickOf(slot), stop);
  }

  /** The newest candle of the series is another one now. */
  revise(symbol: string, close: number, timeframe: Timeframe = '5m'): void {
    const series = this.store.get({ symbol, timeframe }) as Series;
    const openTime = series.lastOpenTime as number;
    const verdict = series.revise(candle(openTime, close), 'rest', openTime + timeframeMs(timeframe));
    if (verdict !== 'revised') throw new Error(`not revised: ${verdict}`);
    this.runner.noteRevision({ symbol, timeframe });
  }

  /** What became of the signals, in short. */
  get story(): string[] {
    return this.changes.map(({ kind, record }) => `${record.symbol} ${kind} ${record.status} ${record.direction}`);
  }

  /** Holds candles of a series until before the slot. */
  hold(symbol: string, timeframe: Timeframe, slot: Slot = SLOT): void {
    const before = lastClosedOpenTime(slot, timeframe);
    this.store.set(seriesOf(symbol, timeframe, rowsUntil(before, timeframe, 20)));
  }

  #source(): CandleSource {
    const fill = (wanted: readonly SeriesKey[], slot: Slot, signal: AbortSignal) =>
      Promise.all(wanted.map((key) => this.#fill(key, slot, signal)));
    return { name: 'stream', fill };
  }

  async #fill(key: SeriesKey, slot: Slot, signal: AbortSignal): Promise<SeriesOutcome> {
    const deadline = new Promise<null>((resolve) => {
      if (signal.aborted) resolve(null);
      else signal.addEventListener('abort', () => resolve(null), { once: true });
    });
    const close = await Promise.race([this.brings(key.symbol, key.timeframe, slot), deadline]);
    if (close !== null) {
      if (this.store.get(key) === undefined) this.hold(key.symbol, key.timeframe, slot);
      const series = this.store.get(key) as Series;
      series.append(candle(lastClosedOpenTime(slot, key.timeframe), close), 'stream', slot);
    }
    const skip = close === null ? 'timeout' : null;
    return { ...key, added: Number(close !== null), revised: 0, refused: new Map(), skip, gap: 'none', cutBy: null };
  }

  #foretold(symbol: string, slot: Slot): readonly SeriesWindow[] | null {
    const close = this.foretold[symbol];
    const held = this.store.get({ symbol, timeframe: '5m' });
    const openTime = lastClosedOpenTime(slot, '5m');
    if (close === undefined || held === undefined || held.lastOpenTime === openTime) return null;
    const ended = held.copy();
    return ended.append(candle(openTime, close), 'stream', slot) === null ? [ended.window()] : null;
  }
}

export function tickOf(slot: Slot): SlotTick {
  return { slot, firedAt: slot, delayMs: 0, late: false, missed: 0, reason: 'slot' };
}

export interface Deferred<T = void> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** A series whose newest candle, that of the slot, closes at `close`. */
export function seriesAt(symbol: string, timeframe: Timeframe, close: number, slot: Slot = SLOT): Series {
  const openTime = lastClosedOpenTime(slot, timeframe);
  const series = seriesOf(symbol, timeframe, rowsUntil(openTime, timeframe, 20));
  series.append(candle(openTime, close), 'stream', slot);
  return series;
}

import type { BatchResult } from '../analyzers/contract.js';
import type { AnalyzerInfo } from '../analyzers/registry.js';
import type { SeriesWindow } from '../domain/series.js';
import { columnsOf } from '../domain/series.js';
import { type Finding, signalId } from '../domain/signal.js';
import type { Slot } from '../domain/slot.js';
import { timeframeMs } from '../domain/timeframe.js';
import type { SeriesKey } from '../pipeline/source.js';
import type { Asked, Candle, SignalChange, SignalStore, SignalUpdate } from '../signals/contract.js';
import type { PublishedCounts } from './cycle-record.js';

export interface PublisherOptions {
  readonly signals: Pick<SignalStore, 'publish'>;
  /** The exchange's id, part of every signal's identity. */
  readonly exchange: string;
  /** Those that are switched on. */
  readonly pool: { readonly analyzers: readonly AnalyzerInfo[] };
  /** Told of every change, after it is safe. */
  readonly onPublished?: (changes: readonly SignalChange[]) => void;
}

/** What a batch said about candles, before it is known which of them are news. */
export interface Statement {
  readonly slot: Slot;
  readonly status: SignalUpdate['status'];
  readonly windows: readonly SeriesWindow[];
  readonly result: Pick<BatchResult, 'findings' | 'failures' | 'runs'>;
}

/**
 * Turns what batches found into updates of the signals: each candle once, when it has closed, and again when it or one
 * before it was revised.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Close time of the newest candle of each series that a confirmed update spoke of. */
  readonly #spokenOf = new Map<string, number>();
  #counts = noCounts();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Resolves when what changed is published, and on disk where it can be. */
  async publish({ slot, status, windows, result }: Statement): Promise<void> {
    const candles = windows.filter(({ length }) => length > 0).map(newestCandle);
    const news = candles.filter((candle) => (this.#spokenOf.get(keyText(candle)) ?? 0) < candle.candleCloseTime);
    const asked = this.#asked(result);
    const older = news.filter(({ candleCloseTime }) => candleCloseTime < slot);
    const newest = news.filter(({ candleCloseTime }) => candleCloseTime >= slot);
    await Promise.all([
      this.#say({ slot, status, candles: newest, analyzers: asked }, result.findings),
      // After a start, or revised. Who reads several timeframes at once spoke of these candles with others beside them.
      this.#say(
        { slot, status, candles: older, analyzers: asked.filter(({ name }) => !this.#readsSeveral(name)) },
        result.findings.filter(({ analyzer }) => !this.#readsSeveral(analyzer)),
      ),
    ]);
    if (status !== 'confirmed') return;
    for (const candle of news) this.#spokenOf.set(keyText(candle), candle.candleCloseTime);
  }

  async #say(update: Omit<SignalUpdate, 'findings'>, found: readonly Finding[]): Promise<void> {
    const { signals, exchange, onPublished } = this.#options;
    if (update.candles.length === 0) return;
    const candles = new Set(update.candles.map(candleText));
    const findings = found
      .filter((finding) => candles.has(candleText(finding)))
      .map((finding) => ({ ...finding, id: signalId(exchange, finding) }));
    const { changes } = await signals.publish({ ...update, findings });
    for (const { kind, record } of changes) {
      this.#counts[kind === 'published' && record.status === 'provisional' ? 'provisional' : countOf(kind)] += 1;
    }
    if (changes.length > 0) onPublished?.(changes);
  }

  /** The series is to be spoken of again: candles of it changed. */
  revised(key: SeriesKey): void {
    this.#spokenOf.delete(keyText(key));
  }

  /** Symbols that are not scanned any more need not be remembered. */
  keepOnly(symbols: ReadonlySet<string>): void {
    for (const key of this.#spokenOf.keys()) if (!symbols.has(symbolOf(key))) this.#spokenOf.delete(key);
  }

  /** What was published since the last call. */
  takeCounts(): PublishedCounts {
    const counts = this.#counts;
    this.#counts = noCounts();
    return counts;
  }

  /** An analyzer that failed somewhere in the batch, or was not run, says nothing by not finding something. */
  #asked({ runs, failures }: Statement['result']): Asked[] {
    const heard = new Set(runs.map(({ analyzer }) => analyzer));
    for (const { analyzer } of failures) heard.delete(analyzer);
    const { analyzers } = this.#options.pool;
    return analyzers
      .filter(({ name, dependsOn }) => [name, ...dependsOn].every((of) => heard.has(of)))
      .map(({ name, version }) => ({ name, version }));
  }

  #readsSeveral(analyzer: string): boolean {
    return this.#options.pool.analyzers.some(({ name, kind }) => name === analyzer && kind === 'symbol');
  }
}

function noCounts(): Record<keyof PublishedCounts, number> {
  return { provisional: 0, confirmed: 0, revoked: 0, amended: 0 };
}

function countOf(kind: SignalChange['kind']): keyof PublishedCounts {
  return kind === 'published' ? 'confirmed' : kind;
}

function newestCandle(window: SeriesWindow): Candle {
  const { symbol, timeframe, length } = window;
  const openTime = columnsOf(window).openTime[length - 1] as number;
  return { symbol, timeframe, candleCloseTime: openTime + timeframeMs(timeframe) };
}

function keyText({ symbol, timeframe }: SeriesKey): string {
  return `${timeframe}/${symbol}`;
}

function symbolOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

function candleText({ symbol, timeframe, candleCloseTime }: Candle): string {
  return `${timeframe}/${symbol}/${candleCloseTime}`;
}

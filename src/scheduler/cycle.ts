import type { AnalysisBatch, BatchResult, WithheldSeries } from '../analyzers/contract.js';
import { type Refusal, SOURCES, type Source } from '../domain/candle.js';
import { columnsOf, type SeriesWindow } from '../domain/series.js';
import { type Signal, signalId } from '../domain/signal.js';
import type { Slot } from '../domain/slot.js';
import type { Clock } from '../lib/clock.js';
import type { Acquired, Fill, Pipeline } from '../pipeline/pipeline.js';
import type { SkipReason } from '../pipeline/source.js';
import type { AnalyzerTotals, CycleReport, Skipped } from './report.js';

export interface CycleParts {
  readonly pipeline: Pick<Pipeline, 'acquire'>;
  readonly analyzers: {
    analyze(batch: AnalysisBatch): Promise<BatchResult>;
    /** Candles that the least demanding analyzer needs. */
    readonly leastWarmup: number;
  };
  readonly clock: Clock;
  /** The exchange's id, part of every signal's identity. */
  readonly exchange: string;
  /** Symbols per batch. */
  readonly batchSymbols: number;
  /** Called after each batch with the symbols done so far. */
  readonly onProgress?: (done: number, total: number) => void;
}

interface Batch {
  readonly acquired: Acquired;
  readonly result: BatchResult;
}

/**
 * One run for one slot. All batches are acquired side by side through one window of requests, in order; each is
 * analyzed as soon as it is whole, while the next ones are still coming. When `signal` fires, what has not come is
 * skipped with its reason and the rest is published.
 */
export async function runCycle(
  parts: CycleParts,
  slot: Slot,
  symbols: readonly string[],
  signal: AbortSignal,
): Promise<CycleReport> {
  const { pipeline, analyzers, clock, batchSymbols, onProgress } = parts;
  const startedAt = clock.now();
  const start = clock.monotonic();
  let done = 0;
  const runBatch = async (batch: readonly string[]): Promise<Batch> => {
    const acquired = await pipeline.acquire(batch, slot, signal);
    const result = await analyzers.analyze({ slot, series: acquired.windows });
    done += batch.length;
    onProgress?.(done, symbols.length);
    return { acquired, result };
  };
  const batches = await Promise.all(chunk(symbols, batchSymbols).map(runBatch));

  const publishStart = clock.monotonic();
  const signals = publishable(parts.exchange, batches);
  const fills = batches.flatMap(({ acquired }) => acquired.filled);
  const skipped = skippedOf(batches, analyzers.leastWarmup);
  const skippedSeries = new Map<string, number>();
  for (const { symbol } of skipped) skippedSeries.set(symbol, (skippedSeries.get(symbol) ?? 0) + 1);
  const seriesPerSymbol = batches.length === 0 ? 0 : countSeries(batches) / symbols.length;
  const analyzed = symbols.filter((symbol) => (skippedSeries.get(symbol) ?? 0) < seriesPerSymbol).length;
  const end = clock.monotonic();
  return {
    slot,
    startedAt,
    durationMs: end - start,
    symbols: { total: symbols.length, analyzed, skipped },
    withheld: batches.flatMap(({ result }) => result.withheld.filter(({ reason }) => reason !== 'warmup')),
    stages: {
      cacheMs: 0,
      historyMs: spanMs(fills, 'history'),
      streamMs: spanMs(fills, 'stream'),
      restMs: spanMs(fills, 'rest'),
      analyzeMs: batches.reduce((sum, { result }) => sum + result.durationMs, 0),
      publishMs: end - publishStart,
    },
    candles: candleTotals(batches, fills),
    gaps: gapTotals(fills),
    analyzers: analyzerTotals(batches),
    failures: batches.flatMap(({ result }) => result.failures),
    signals,
  };
}

function chunk<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** A finding on closed candles is a confirmed signal. Strongest first; ties in a fixed order, so that a rerun prints the same. */
function publishable(exchange: string, batches: readonly Batch[]): readonly Signal[] {
  return batches
    .flatMap(({ result }) => result.findings)
    .map((finding): Signal => ({ ...finding, id: signalId(exchange, finding), status: 'confirmed' }))
    .sort((a, b) => b.strength - a.strength || (a.id < b.id ? -1 : 1));
}

/** A series too short for every analyzer is skipped for the reason that made it short. */
function skippedOf(batches: readonly Batch[], leastWarmup: number): readonly Skipped[] {
  return batches.flatMap(({ acquired, result }) => {
    const interrupted = interruptions(acquired);
    const tooShort = ({ symbol, timeframe, have, need }: WithheldSeries): Skipped => ({
      symbol,
      timeframe,
      reason: interrupted.get(`${symbol}@${timeframe}`) ?? 'warmup',
      have,
      need,
    });
    return [
      ...acquired.skipped.map((skip): Skipped => ({ ...skip, need: leastWarmup })),
      ...result.withheld.filter(({ reason }) => reason === 'warmup').map(tooShort),
    ];
  });
}

/** Series of which only the run behind a hole or a bad row is held. */
function interruptions({ filled }: Acquired): ReadonlyMap<string, SkipReason> {
  const reasons = new Map<string, SkipReason>();
  for (const { symbol, timeframe, gap, refused } of filled.flatMap(({ outcomes }) => outcomes)) {
    if (gap !== 'unrepaired') continue;
    const defects = [...refused.keys()].some((reason) => reason !== 'gap');
    reasons.set(`${symbol}@${timeframe}`, defects ? 'rejected' : 'gap');
  }
  return reasons;
}

function countSeries(batches: readonly Batch[]): number {
  return batches.reduce((sum, { acquired }) => sum + acquired.windows.length + acquired.skipped.length, 0);
}

function spanMs(fills: readonly Fill[], source: Fill['source']): number {
  const own = fills.filter((fill) => fill.source === source);
  if (own.length === 0) return 0;
  return Math.max(...own.map(({ endedAt }) => endedAt)) - Math.min(...own.map(({ startedAt }) => startedAt));
}

function candleTotals(batches: readonly Batch[], fills: readonly Fill[]): CycleReport['candles'] {
  const bySource: Record<Source, number> = { cache: 0, history: 0, stream: 0, rest: 0, derived: 0 };
  for (const window of batches.flatMap(({ acquired }) => acquired.windows)) addSources(bySource, window);
  const rejectedBy: Partial<Record<Refusal, number>> = {};
  let rejected = 0;
  for (const { refused } of fills.flatMap(({ outcomes }) => outcomes)) {
    for (const [reason, count] of refused) {
      if (reason === 'gap') continue;
      rejectedBy[reason] = (rejectedBy[reason] ?? 0) + count;
      rejected += count;
    }
  }
  return { ...bySource, rejected, rejectedBy };
}

function addSources(totals: Record<Source, number>, window: SeriesWindow): void {
  const counts = new Array<number>(SOURCES.length).fill(0);
  for (const code of columnsOf(window).source) counts[code] = (counts[code] as number) + 1;
  SOURCES.forEach((source, code) => {
    totals[source] += counts[code] as number;
  });
}

function gapTotals(fills: readonly Fill[]): CycleReport['gaps'] {
  const outcomes = fills.flatMap((fill) => fill.outcomes);
  return {
    repaired: outcomes.filter(({ gap }) => gap === 'repaired').length,
    unrepaired: outcomes.filter(({ gap }) => gap === 'unrepaired').length,
  };
}

function analyzerTotals(batches: readonly Batch[]): readonly AnalyzerTotals[] {
  const totals = new Map<string, { durationMs: number; findings: number; warmup: number }>();
  for (const run of batches.flatMap(({ result }) => result.runs)) {
    const sum = totals.get(run.analyzer) ?? { durationMs: 0, findings: 0, warmup: 0 };
    sum.durationMs += run.durationMs;
    sum.findings += run.findings;
    sum.warmup += run.warmup;
    totals.set(run.analyzer, sum);
  }
  return [...totals].map(([analyzer, sum]) => ({ analyzer, ...sum }));
}

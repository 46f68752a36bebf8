import type { BatchResult, WithheldSeries } from '../analyzers/contract.js';
import { type Refusal, SOURCES, type Source } from '../domain/candle.js';
import { type SeriesWindow, sourceCodesOf } from '../domain/series.js';
import type { Signal } from '../domain/signal.js';
import type { Acquired, Fill } from '../pipeline/pipeline.js';
import type { SkipReason } from '../pipeline/source.js';
import type { AnalyzerTotals, CycleReport, Skipped } from './report.js';

/** A batch that was acquired and analyzed. */
export interface FinishedBatch {
  readonly acquired: Acquired;
  readonly result: BatchResult;
  readonly signals: readonly Signal[];
  /** Candles of the windows by where they came from. */
  readonly sources: Readonly<Record<Source, number>>;
}

export interface CycleFacts {
  readonly batches: readonly FinishedBatch[];
  readonly symbols: readonly string[];
  readonly signals: readonly Signal[];
  readonly leastWarmup: number;
}

/** Adds up what the batches of a cycle did. */
export function summarize(
  { batches, symbols, signals, leastWarmup }: CycleFacts,
  {
    streamMs,
    publishMs,
    ...times
  }: Pick<CycleReport, 'slot' | 'startedAt' | 'durationMs'> & Pick<CycleReport['stages'], 'streamMs' | 'publishMs'>,
): CycleReport {
  const fills = batches.flatMap(({ acquired }) => acquired.filled);
  const skipped = skippedOf(batches, leastWarmup);
  return {
    ...times,
    symbols: { total: symbols.length, analyzed: countAnalyzed(batches, skipped), skipped },
    withheld: batches.flatMap(({ result }) => result.withheld.filter(({ reason }) => reason !== 'warmup')),
    stages: {
      historyMs: spanMs(fills, 'history'),
      streamMs: Math.max(streamMs, spanMs(fills, 'stream')),
      restMs: spanMs(fills, 'rest'),
      analyzeMs: batches.reduce((sum, { result }) => sum + result.durationMs, 0),
      publishMs,
    },
    candles: candleTotals(batches, fills),
    gaps: gapTotals(fills),
    analyzers: analyzerTotals(batches),
    failures: batches.flatMap(({ result }) => result.failures),
    signals,
  };
}

/** Where the candles of a batch came from: counted with the batch, because those of a whole market take a while. */
export function sourcesOf(windows: readonly SeriesWindow[]): Readonly<Record<Source, number>> {
  const counts = new Array<number>(SOURCES.length).fill(0);
  for (const window of windows) {
    const codes = sourceCodesOf(window);
    for (let index = 0; index < codes.length; index++) {
      const code = codes[index] as number;
      counts[code] = (counts[code] as number) + 1;
    }
  }
  const totals = noSources();
  SOURCES.forEach((source, code) => {
    totals[source] = counts[code] as number;
  });
  return totals;
}

/** Symbols of which at least one timeframe was looked at. */
function countAnalyzed(batches: readonly FinishedBatch[], skipped: readonly Skipped[]): number {
  const left = new Set(skipped.map(({ symbol, timeframe }) => `${symbol}@${timeframe}`));
  const analyzed = new Set<string>();
  for (const { symbol, timeframe } of batches.flatMap(({ acquired }) => acquired.windows)) {
    if (!left.has(`${symbol}@${timeframe}`)) analyzed.add(symbol);
  }
  return analyzed.size;
}

/** A series too short for every analyzer is skipped for the reason that made it short. */
function skippedOf(batches: readonly FinishedBatch[], leastWarmup: number): readonly Skipped[] {
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
  for (const { symbol, timeframe, cutBy } of filled.flatMap(({ outcomes }) => outcomes)) {
    if (cutBy !== null) reasons.set(`${symbol}@${timeframe}`, cutBy);
  }
  return reasons;
}

function spanMs(fills: readonly Fill[], source: Fill['source']): number {
  const own = fills.filter((fill) => fill.source === source);
  if (own.length === 0) return 0;
  return Math.max(...own.map(({ endedAt }) => endedAt)) - Math.min(...own.map(({ startedAt }) => startedAt));
}

function candleTotals(batches: readonly FinishedBatch[], fills: readonly Fill[]): CycleReport['candles'] {
  const bySource = noSources();
  for (const { sources } of batches) for (const source of SOURCES) bySource[source] += sources[source];
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

function noSources(): Record<Source, number> {
  return { cache: 0, history: 0, stream: 0, rest: 0, derived: 0 };
}

function gapTotals(fills: readonly Fill[]): CycleReport['gaps'] {
  const outcomes = fills.flatMap((fill) => fill.outcomes);
  return {
    repaired: outcomes.filter(({ gap }) => gap === 'repaired').length,
    unrepaired: outcomes.filter(({ gap }) => gap === 'unrepaired').length,
  };
}

function analyzerTotals(batches: readonly FinishedBatch[]): readonly AnalyzerTotals[] {
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

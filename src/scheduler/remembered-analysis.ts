import type { AnalysisBatch, BatchResult, KnownSeries, WithheldSeries } from '../analyzers/contract.js';
import type { AnalyzerInfo } from '../analyzers/registry.js';
import { lineageDigest, type ResultCache } from '../cache/results.js';
import type { SeriesWindow } from '../domain/series.js';
import type { Finding } from '../domain/signal.js';
import { groupBy } from '../lib/group-by.js';

/**
 * What was said about one symbol, or about one of its series by the analyzers that look at nothing else; it follows from
 * the candles and the analyzers alone.
 */
export interface SymbolResult {
  readonly findings: readonly Finding[];
  readonly withheld: readonly WithheldSeries[];
}

interface Lineages {
  readonly of: readonly AnalyzerInfo[];
  /** Of all analyzers. */
  readonly whole: string;
  /** Of those that look at one series. */
  readonly series: string;
}

export interface RememberedAnalysisOptions {
  readonly pool: {
    readonly analyzers: readonly AnalyzerInfo[];
    analyze(batch: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult>;
  };
  readonly results: ResultCache<SymbolResult>;
}

/**
 * Analysis that is not done twice for the same candles: a candle that closed as it was last seen was analyzed for the
 * provisional signals already, and at most slots no candle of the longer timeframes has closed. What some analyzer failed
 * at, or was kept away from, is not remembered.
 */
export class RememberedAnalysis {
  readonly #options: RememberedAnalysisOptions;
  #lineages: Lineages | null = null;

  constructor(options: RememberedAnalysisOptions) {
    this.#options = options;
  }

  /** `runs` names every analyzer that had its say about all of the batch, be it earlier. */
  async analyze({ slot, series }: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult> {
    const { pool, results } = this.#options;
    const { analyzers } = pool;
    const lineage = this.#lineageOf(analyzers);
    const known: SymbolResult[] = [];
    const unknown: (readonly SeriesWindow[])[] = [];
    for (const windows of groupBy(series, ({ symbol }) => symbol).values()) {
      const result = results.get(lineage.whole, windows);
      if (result === null) unknown.push(windows);
      else known.push(result);
    }
    const batch = { slot, series: unknown.flat(), known: this.#knownSeries(lineage, unknown) };
    const fresh = unknown.length === 0 ? nothingOf(analyzers) : await pool.analyze(batch, signal);
    if (isWhole(fresh, analyzers)) this.#remember(lineage, analyzers, unknown, fresh);
    return {
      ...fresh,
      findings: [...known.flatMap(({ findings }) => findings), ...fresh.findings],
      withheld: [...known.flatMap(({ withheld }) => withheld), ...fresh.withheld],
    };
  }

  /** Of several timeframes most have not changed since the last slot. */
  #knownSeries({ series }: Lineages, unknown: readonly (readonly SeriesWindow[])[]): KnownSeries[] {
    const { results } = this.#options;
    return unknown.flatMap((windows) =>
      windows.length === 1
        ? []
        : windows.flatMap((window) => {
            const result = results.get(series, [window]);
            const { symbol, timeframe } = window;
            return result === null ? [] : [{ symbol, timeframe, findings: result.findings }];
          }),
    );
  }

  #remember(
    lineage: Lineages,
    analyzers: readonly AnalyzerInfo[],
    analyzed: readonly (readonly SeriesWindow[])[],
    { findings, withheld }: BatchResult,
  ): void {
    const { results } = this.#options;
    const found = groupBy(findings, ({ symbol }) => symbol);
    const left = groupBy(withheld, ({ symbol }) => symbol);
    const ofSeries = new Set(analyzers.filter(({ kind }) => kind === 'series').map(({ name }) => name));
    for (const windows of analyzed) {
      const symbol = (windows[0] as SeriesWindow).symbol;
      const result = { findings: found.get(symbol) ?? [], withheld: left.get(symbol) ?? [] };
      results.set(lineage.whole, windows, result);
      if (windows.length > 1)
        for (const window of windows) results.set(lineage.series, [window], partOf(result, window, ofSeries));
    }
  }

  /** The analyzers are others after a reload. */
  #lineageOf(analyzers: readonly AnalyzerInfo[]): Lineages {
    if (this.#lineages?.of !== analyzers) {
      const ofSeries = analyzers.filter(({ kind }) => kind === 'series');
      this.#lineages = { of: analyzers, whole: lineageOf('all', analyzers), series: lineageOf('series', ofSeries) };
    }
    return this.#lineages;
  }
}

/** What the series analyzers said of one of a symbol's series. */
function partOf(
  { findings, withheld }: SymbolResult,
  { timeframe }: SeriesWindow,
  ofSeries: ReadonlySet<string>,
): SymbolResult {
  return {
    findings: findings.filter((finding) => finding.timeframe === timeframe && ofSeries.has(finding.analyzer)),
    withheld: withheld.filter((series) => series.timeframe === timeframe),
  };
}

/** All was said before. */
function nothingOf(analyzers: readonly AnalyzerInfo[]): BatchResult {
  const runs = analyzers.map(({ name }) => ({ analyzer: name, durationMs: 0, findings: 0, warmup: 0 }));
  return { findings: [], withheld: [], failures: [], runs, durationMs: 0 };
}

/** Whether every analyzer ran over every series: one in quarantine does not run. */
function isWhole({ runs, failures }: BatchResult, analyzers: readonly AnalyzerInfo[]): boolean {
  const ran = new Set(runs.map(({ analyzer }) => analyzer));
  return failures.length === 0 && analyzers.every(({ name }) => ran.has(name));
}

/** One lineage for all of them together, because their results are remembered together. */
function lineageOf(name: string, analyzers: readonly AnalyzerInfo[]): string {
  const dependencies = analyzers.map(({ name, version, parameters }) =>
    lineageDigest({ analyzer: name, version, parameters, dependencies: [] }),
  );
  return lineageDigest({ analyzer: name, version: '1', parameters: {}, dependencies });
}

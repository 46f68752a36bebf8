import type { AnalysisBatch, BatchResult, WithheldSeries } from '../analyzers/contract.js';
import type { AnalyzerInfo } from '../analyzers/registry.js';
import { lineageDigest, type ResultCache } from '../cache/results.js';
import type { SeriesWindow } from '../domain/series.js';
import type { Finding } from '../domain/signal.js';
import { groupBy } from '../lib/group-by.js';

/** What was said about one symbol; it follows from the symbol's candles and the analyzers alone. */
export interface SymbolResult {
  readonly findings: readonly Finding[];
  readonly withheld: readonly WithheldSeries[];
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
 * provisional signals already. What some analyzer failed at, or was kept away from, is not remembered.
 */
export class RememberedAnalysis {
  readonly #options: RememberedAnalysisOptions;
  #lineage: { readonly of: readonly AnalyzerInfo[]; readonly digest: string } | null = null;

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
      const result = results.get(lineage, windows);
      if (result === null) unknown.push(windows);
      else known.push(result);
    }
    const fresh =
      unknown.length === 0 ? nothingOf(analyzers) : await pool.analyze({ slot, series: unknown.flat() }, signal);
    if (isWhole(fresh, analyzers)) this.#remember(lineage, unknown, fresh);
    return {
      ...fresh,
      findings: [...known.flatMap(({ findings }) => findings), ...fresh.findings],
      withheld: [...known.flatMap(({ withheld }) => withheld), ...fresh.withheld],
    };
  }

  #remember(
    lineage: string,
    analyzed: readonly (readonly SeriesWindow[])[],
    { findings, withheld }: BatchResult,
  ): void {
    const found = groupBy(findings, ({ symbol }) => symbol);
    const left = groupBy(withheld, ({ symbol }) => symbol);
    for (const windows of analyzed) {
      const symbol = (windows[0] as SeriesWindow).symbol;
      const result = { findings: found.get(symbol) ?? [], withheld: left.get(symbol) ?? [] };
      this.#options.results.set(lineage, windows, result);
    }
  }

  /** The analyzers are others after a reload. */
  #lineageOf(analyzers: readonly AnalyzerInfo[]): string {
    if (this.#lineage?.of !== analyzers) this.#lineage = { of: analyzers, digest: lineageOf(analyzers) };
    return this.#lineage.digest;
  }
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

/** One lineage for all of them together, because a symbol's results are remembered together. */
function lineageOf(analyzers: readonly AnalyzerInfo[]): string {
  const dependencies = analyzers.map(({ name, version, parameters }) =>
    lineageDigest({ analyzer: name, version, parameters, dependencies: [] }),
  );
  return lineageDigest({ analyzer: 'all', version: '1', parameters: {}, dependencies });
}

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
    readonly quarantined: readonly unknown[];
    analyze(batch: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult>;
  };
  readonly results: ResultCache<SymbolResult>;
}

/**
 * Analysis that is not done twice for the same candles: a candle that closed as it was last seen was analyzed for the
 * provisional signals already. Symbols whose analysis failed in part are not remembered.
 */
export class RememberedAnalysis {
  readonly #options: RememberedAnalysisOptions;
  #of: readonly AnalyzerInfo[] | null = null;
  #lineage = '';

  constructor(options: RememberedAnalysisOptions) {
    this.#options = options;
  }

  async analyze({ slot, series }: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult> {
    const { pool, results } = this.#options;
    const lineage = this.#lineageOf(pool.analyzers);
    const known: SymbolResult[] = [];
    const unknown: (readonly SeriesWindow[])[] = [];
    for (const windows of groupBy(series, ({ symbol }) => symbol).values()) {
      const result = results.get(lineage, windows);
      if (result === null) unknown.push(windows);
      else known.push(result);
    }
    const fresh = unknown.length === 0 ? NOTHING : await pool.analyze({ slot, series: unknown.flat() }, signal);
    if (fresh.failures.length === 0 && pool.quarantined.length === 0) this.#remember(lineage, unknown, fresh);
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
    if (analyzers !== this.#of) this.#lineage = lineageOf(analyzers);
    this.#of = analyzers;
    return this.#lineage;
  }
}

const NOTHING: BatchResult = { findings: [], withheld: [], failures: [], runs: [], durationMs: 0 };

/** One lineage for all of them together, because a symbol's results are remembered together. */
function lineageOf(analyzers: readonly AnalyzerInfo[]): string {
  const dependencies = analyzers.map(({ name, version, parameters }) =>
    lineageDigest({ analyzer: name, version, parameters, dependencies: [] }),
  );
  return lineageDigest({ analyzer: 'all', version: '1', parameters: {}, dependencies });
}

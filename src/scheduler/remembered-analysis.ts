import type { AnalysisBatch, BatchResult, KnownSeries, WithheldSeries } from '../analyzers/contract.js';
import { type AnalyzerInfo, BUILT_IN } from '../analyzers/registry.js';
import { type KnownResult, lineageDigest, type ResultCache } from '../cache/results.js';
import { windowDigest } from '../cache/window-digest.js';
import type { SeriesWindow } from '../domain/series.js';
import type { Finding } from '../domain/signal.js';
import { groupBy } from '../lib/group-by.js';

/** Symbols whose newest results are remembered: more than any exchange lists. */
export const RESULTS = 4_096;

/** What was said about one symbol; it follows from the candles and the analyzers alone. */
export interface SymbolResult {
  readonly findings: readonly Finding[];
  readonly withheld: readonly WithheldSeries[];
}

/** The newest results of symbols, as plain data for another process. */
export interface KeptResults {
  readonly lineage: string;
  readonly symbols: readonly (readonly [symbol: string, known: KnownResult<SymbolResult>])[];
}

/** A symbol whose candles are not all as they were, with all of its series. */
interface Question {
  readonly symbol: string;
  readonly windows: readonly SeriesWindow[];
  readonly inputs: readonly string[];
  /** Of several timeframes most have not changed since the last slot. */
  readonly known: readonly KnownSeries[];
}

interface Lineage {
  readonly of: readonly AnalyzerInfo[];
  readonly digest: string;
  /** Names of those that look at one series and nothing else. */
  readonly ofSeries: ReadonlySet<string>;
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
  #current: Lineage | null = null;
  /** Whether anything was remembered that nobody has kept. */
  #isUnkept = false;

  constructor(options: RememberedAnalysisOptions) {
    this.#options = options;
  }

  /** `runs` names every analyzer that had its say about all of the batch, be it earlier. */
  async analyze({ slot, series }: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult> {
    const { pool, results } = this.#options;
    const { analyzers } = pool;
    const lineage = this.#lineageOf(analyzers);
    const answers: SymbolResult[] = [];
    const questions: Question[] = [];
    for (const [symbol, windows] of groupBy(series, (window) => window.symbol)) {
      const inputs = windows.map(windowDigest);
      const last = results.get(symbol, lineage.digest, inputs);
      if (last?.same.every(Boolean)) answers.push(last.result);
      else questions.push({ symbol, windows, inputs, known: last === null ? [] : knownOf(windows, last, lineage) });
    }
    const batch = {
      slot,
      series: questions.flatMap(({ windows }) => windows),
      known: questions.flatMap(({ known }) => known),
    };
    const fresh = questions.length === 0 ? nothingOf(analyzers) : await pool.analyze(batch, signal);
    if (isWhole(fresh, analyzers)) this.#remember(lineage, questions, fresh);
    return {
      ...fresh,
      findings: [...answers.flatMap(({ findings }) => findings), ...fresh.findings],
      withheld: [...answers.flatMap(({ withheld }) => withheld), ...fresh.withheld],
    };
  }

  /** Takes over what another process was told by the same analyzers. */
  restore(kept: KeptResults | null): void {
    const { pool, results } = this.#options;
    const { digest } = this.#lineageOf(pool.analyzers);
    if (kept?.lineage !== digest) return;
    for (const [symbol, known] of kept.symbols) results.set(symbol, digest, known);
  }

  /**
   * What is to be kept for another process; null when that is nothing new. Nor are results of analyzers of others
   * kept: nobody knows what else their modules import.
   */
  takeUnkept(): KeptResults | null {
    const { pool, results } = this.#options;
    const isOurs = pool.analyzers.every(({ origin }) => origin === BUILT_IN);
    if (!this.#isUnkept || !isOurs) return null;
    this.#isUnkept = false;
    const { digest } = this.#lineageOf(pool.analyzers);
    return { lineage: digest, symbols: [...results.entries(digest)] };
  }

  #remember({ digest }: Lineage, questions: readonly Question[], { findings, withheld }: BatchResult): void {
    const found = groupBy(findings, ({ symbol }) => symbol);
    const left = groupBy(withheld, ({ symbol }) => symbol);
    for (const { symbol, inputs } of questions) {
      const result = { findings: found.get(symbol) ?? [], withheld: left.get(symbol) ?? [] };
      this.#options.results.set(symbol, digest, { inputs, result });
      this.#isUnkept = true;
    }
  }

  /** The analyzers are others after a reload. */
  #lineageOf(analyzers: readonly AnalyzerInfo[]): Lineage {
    if (this.#current?.of !== analyzers) {
      const ofSeries = analyzers.filter(({ kind }) => kind === 'series').map(({ name }) => name);
      this.#current = { of: analyzers, digest: lineageOf(analyzers), ofSeries: new Set(ofSeries) };
    }
    return this.#current;
  }
}

/** What the series analyzers said of those of a symbol's series that are the same. */
function knownOf(
  windows: readonly SeriesWindow[],
  { result, same }: { readonly result: SymbolResult; readonly same: readonly boolean[] },
  { ofSeries }: Lineage,
): KnownSeries[] {
  return windows
    .filter((_, index) => same[index])
    .map(({ symbol, timeframe }) => ({
      symbol,
      timeframe,
      findings: result.findings.filter((finding) => finding.timeframe === timeframe && ofSeries.has(finding.analyzer)),
    }));
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
function lineageOf(analyzers: readonly AnalyzerInfo[]): string {
  const dependencies = analyzers.map(({ name, version, parameters }) =>
    lineageDigest({ analyzer: name, version, parameters, dependencies: [] }),
  );
  return lineageDigest({ analyzer: 'all', version: '1', parameters: {}, dependencies });
}

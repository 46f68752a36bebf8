import type { Columns, SeriesWindow } from '../domain/series.js';
import type { Direction, Finding } from '../domain/signal.js';
import type { Slot } from '../domain/slot.js';
import type { Timeframe } from '../domain/timeframe.js';

/** Parameter values by name, for instance `{ fast: 12, slow: 26, signal: 9 }`. */
export type Parameters = Readonly<Record<string, number>>;

/** What an analyzer is given: one series, closed candles only, ascending. */
export interface AnalyzerInput {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly slot: Slot;
  readonly candles: Columns;
  /** Number of candles. */
  readonly length: number;
  /**
   * The columns of an indicator over these candles, each `length` long with NaN during warm-up. Computed once per
   * series however many analyzers ask. Valid until `analyze` returns.
   */
  indicator(name: string, parameters?: Parameters): Readonly<Record<string, Float64Array>>;
}

/** What an analyzer found on the newest candle. The rest of a finding is known to the caller. */
export interface Opinion {
  readonly direction: Direction;
  /** 0..1 */
  readonly strength: number;
  /** At least one sentence a trader can read, most important first. */
  readonly reasons: readonly string[];
}

interface AnalyzerIdentity {
  /** Lower case, digits and dashes. */
  readonly name: string;
  /** Semver; raise it whenever the same candles could give another opinion. */
  readonly version: string;
  /** One sentence for `candlescan analyzers`. */
  readonly description: string;
  /** Every parameter with its default. */
  readonly parameters: Parameters;
}

/** A pure function from one series to an opinion on its newest candle. */
export interface SeriesAnalyzer extends AnalyzerIdentity {
  readonly kind: 'series';
  /** Candles needed before an opinion means something; at most 99 by default, what a cold series starts with. */
  warmup(parameters: Parameters): number;
  analyze(input: AnalyzerInput, parameters: Parameters): Opinion | null;
}

/** What a symbol analyzer is given: what the series analyzers found on every timeframe of one symbol. */
export interface SymbolInput {
  readonly symbol: string;
  readonly slot: Slot;
  /** Ascending by length; those of the symbol that were analyzed. */
  readonly timeframes: readonly Timeframe[];
  /** Findings of the analyzers it depends on, by timeframe. */
  findings(timeframe: Timeframe): readonly Finding[];
  /** The same view of one timeframe that its series analyzers had. */
  series(timeframe: Timeframe): AnalyzerInput;
}

/** A pure function over all timeframes of one symbol; its finding belongs to the timeframe it names. */
export interface SymbolAnalyzer extends AnalyzerIdentity {
  readonly kind: 'symbol';
  /** Names of the analyzers whose findings it reads; they run before it. */
  readonly dependsOn: readonly string[];
  warmup(parameters: Parameters): number;
  analyze(input: SymbolInput, parameters: Parameters): (Opinion & { readonly timeframe: Timeframe }) | null;
}

export type Analyzer = SeriesAnalyzer | SymbolAnalyzer;

/** An analyzer as it is switched on by the configuration. */
export interface EnabledAnalyzer {
  readonly name: string;
  /** Overrides of the analyzer's defaults. */
  readonly parameters?: Parameters;
}

/** A batch as it is handed to the pool: plain data, so that it could as well be handed to another machine. */
export interface AnalysisBatch {
  readonly slot: Slot;
  /** All series of a symbol are in the same batch. */
  readonly series: readonly SeriesWindow[];
  /** What is known of some of them already: no series analyzer looks at those again. */
  readonly known?: readonly KnownSeries[];
}

/** What the series analyzers found when they were given the same candles. */
export interface KnownSeries {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly findings: readonly Finding[];
}

/**
 * Why nothing was said about a series or by an analyzer:
 * `warmup` too few candles · `flat` no price moved · `halted` no trade in the newest candle.
 */
export type WithheldReason = 'warmup' | 'flat' | 'halted';

/** A series that no analyzer looked at. */
export interface WithheldSeries {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly reason: WithheldReason;
  readonly have: number;
  /** Candles the least demanding analyzer needs (`warmup`). */
  readonly need: number;
}

/**
 * Why an analyzer's result was dropped: `threw`, gave what its contract does not allow (`invalid`), ran out of its
 * time budget (`budget`), or its worker ended beneath it (`crashed`).
 */
export type FailureReason = 'threw' | 'invalid' | 'budget' | 'crashed';

export interface AnalyzerFailure {
  readonly analyzer: string;
  readonly reason: FailureReason;
  readonly message: string;
  /** How many series it failed on. */
  readonly count: number;
}

export interface AnalyzerRun {
  readonly analyzer: string;
  readonly durationMs: number;
  readonly findings: number;
  /** Series that had too few candles for this analyzer. */
  readonly warmup: number;
}

/** What comes back for a batch. */
export interface BatchResult {
  readonly findings: readonly Finding[];
  readonly withheld: readonly WithheldSeries[];
  readonly failures: readonly AnalyzerFailure[];
  readonly runs: readonly AnalyzerRun[];
  /** CPU time of the whole batch in its worker, milliseconds. */
  readonly durationMs: number;
}

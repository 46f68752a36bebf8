import type { AnalyzerFailure, WithheldSeries } from '../analyzers/contract.js';
import type { Refusal, Source } from '../domain/candle.js';
import type { Signal } from '../domain/signal.js';
import type { Slot } from '../domain/slot.js';
import type { Timeframe } from '../domain/timeframe.js';
import type { SkipReason } from '../pipeline/source.js';

/** A symbol's timeframe that was left out of a cycle. */
export interface Skipped {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly reason: SkipReason;
  readonly have: number;
  /** Candles that would have been enough. */
  readonly need: number;
}

/** Totals of one analyzer over a cycle. */
export interface AnalyzerTotals {
  readonly analyzer: string;
  readonly durationMs: number;
  readonly findings: number;
  /** Series that had too few candles for it. */
  readonly warmup: number;
}

/** What one cycle did. Durations are milliseconds of the monotonic clock; stages overlap and need not add up. */
export interface CycleReport {
  readonly slot: Slot;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly symbols: { readonly total: number; readonly analyzed: number; readonly skipped: readonly Skipped[] };
  /** Series that are alive but about which nothing can be said: no price moved, or nobody trades. */
  readonly withheld: readonly WithheldSeries[];
  readonly stages: {
    readonly historyMs: number;
    readonly streamMs: number;
    readonly restMs: number;
    /** Time of all workers together. */
    readonly analyzeMs: number;
    readonly publishMs: number;
  };
  readonly candles: Readonly<Record<Source, number>> & {
    readonly rejected: number;
    readonly rejectedBy: Readonly<Partial<Record<Refusal, number>>>;
  };
  readonly gaps: { readonly repaired: number; readonly unrepaired: number };
  readonly analyzers: readonly AnalyzerTotals[];
  readonly failures: readonly AnalyzerFailure[];
  /** Strongest first. */
  readonly signals: readonly Signal[];
}

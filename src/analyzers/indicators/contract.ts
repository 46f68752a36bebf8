import type { Columns } from '../../domain/series.js';

/** Parameter values by name; see `Indicator.parameters` for the allowed range. */
export type IndicatorParameters = Readonly<Record<string, number>>;

export interface ParameterSpec {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Whole numbers only (periods), or any number (multipliers). */
  readonly integer: boolean;
}

/** Hands out columns that live until the whole series is done; never zeroed, so a kernel writes every element. */
export interface Scratch {
  take(length: number): Float64Array;
}

/**
 * One indicator over a whole series.
 *
 * `compute` reads only `candles`, writes every element of every output column (NaN during warm-up) and allocates
 * nothing but scratch. `out` has one column per name in `outputs`, in that order, each as long as the candles.
 */
export interface Indicator {
  /** Lower case, TradingView's word for it: `sma`, `bbands`, `stochrsi`. */
  readonly name: string;
  /** One line: what it is and whose definition it follows. */
  readonly description: string;
  readonly parameters: Readonly<Record<string, ParameterSpec>>;
  readonly outputs: readonly string[];
  /** Leading rows in which at least one output is still NaN. */
  warmup(parameters: IndicatorParameters): number;
  /**
   * Rows after which candles older than these change a result by less than `tolerance` (relative weight of the seed);
   * equal to `warmup + 1` for windows without memory.
   */
  settled(parameters: IndicatorParameters, tolerance: number): number;
  compute(candles: Columns, parameters: IndicatorParameters, out: readonly Float64Array[], scratch: Scratch): void;
}

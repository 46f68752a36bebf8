import type { Columns } from '../../domain/series.js';
import type { Indicator, ParameterSpec, Scratch } from './contract.js';

interface Definition<Parameter extends string, Outputs extends readonly string[]> {
  readonly name: string;
  readonly description: string;
  readonly parameters: Readonly<Record<Parameter, ParameterSpec>>;
  readonly outputs: Outputs;
  warmup(parameters: Readonly<Record<Parameter, number>>): number;
  /** Left out by windows without memory. */
  settled?(parameters: Readonly<Record<Parameter, number>>, tolerance: number): number;
  compute(
    candles: Columns,
    parameters: Readonly<Record<Parameter, number>>,
    out: { readonly [Index in keyof Outputs]: Float64Array },
    scratch: Scratch,
  ): void;
}

/** An indicator whose parameters and output columns are checked by name and number where it is written. */
export function defineIndicator<Parameter extends string, const Outputs extends readonly string[]>(
  definition: Definition<Parameter, Outputs>,
): Indicator {
  return { settled: (parameters) => definition.warmup(parameters) + 1, ...definition };
}

/**
 * Rows until an exponential average has forgotten all but `tolerance` of its seed: (1 - alpha)^rows <= tolerance.
 */
export function forgetting(alpha: number, tolerance: number): number {
  return alpha >= 1 ? 0 : Math.ceil(Math.log(tolerance) / Math.log1p(-alpha));
}

/** Smoothing factor of TradingView's `ta.ema`. */
export function emaAlpha(period: number): number {
  return 2 / (period + 1);
}

/** Smoothing factor of TradingView's `ta.rma`, Wilder's smoothing. */
export function rmaAlpha(period: number): number {
  return 1 / period;
}

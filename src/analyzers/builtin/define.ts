import type { AnalyzerInput, Parameters, SeriesAnalyzer, SymbolAnalyzer, SymbolInput } from '../contract.js';

/**
 * An analyzer whose parameters are checked by name where it is written. The registry hands it every parameter of its
 * defaults, which is what makes the narrower type true.
 */
interface Written<Names extends string, Input, Answer> {
  readonly parameters: Readonly<Record<Names, number>>;
  warmup(parameters: Readonly<Record<Names, number>>): number;
  analyze(input: Input, parameters: Readonly<Record<Names, number>>): Answer;
}

type Identity<A> = Omit<A, 'kind' | 'parameters' | 'warmup' | 'analyze'>;

export function defineSeriesAnalyzer<Names extends string>(
  analyzer: Identity<SeriesAnalyzer> & Written<Names, AnalyzerInput, ReturnType<SeriesAnalyzer['analyze']>>,
): SeriesAnalyzer {
  return { kind: 'series', ...(analyzer as Identity<SeriesAnalyzer> & Written<string, AnalyzerInput, never>) };
}

export function defineSymbolAnalyzer<Names extends string>(
  analyzer: Identity<SymbolAnalyzer> & Written<Names, SymbolInput, ReturnType<SymbolAnalyzer['analyze']>>,
): SymbolAnalyzer {
  return { kind: 'symbol', ...(analyzer as Identity<SymbolAnalyzer> & Written<string, SymbolInput, never>) };
}

/** Outputs of the indicators that built-in analyzers read. */
interface Outputs {
  readonly ema: 'value';
  readonly rsi: 'value';
  readonly atr: 'value';
  readonly adx: 'adx' | 'plusDi' | 'minusDi';
  readonly stoch: 'k' | 'd';
  readonly macd: 'macd' | 'signal' | 'histogram';
  readonly bbands: 'upper' | 'middle' | 'lower';
  readonly keltner: 'upper' | 'middle' | 'lower';
  readonly donchian: 'upper' | 'middle' | 'lower';
  readonly supertrend: 'value' | 'direction';
}

/** The columns of an indicator, by the names that it is known to have. */
export function columns<Name extends keyof Outputs>(
  input: AnalyzerInput,
  name: Name,
  parameters: Parameters,
): Readonly<Record<Outputs[Name], Float64Array>> {
  return input.indicator(name, parameters);
}

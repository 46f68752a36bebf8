import type { Columns } from '../../domain/series.js';
import type { Indicator, IndicatorParameters } from './contract.js';
import { adl } from './native/adl.js';
import { adx } from './native/adx.js';
import { atr } from './native/atr.js';
import { bbands } from './native/bbands.js';
import { cci } from './native/cci.js';
import { donchian } from './native/donchian.js';
import { ema } from './native/ema.js';
import { highest } from './native/highest.js';
import { hma } from './native/hma.js';
import { keltner } from './native/keltner.js';
import { lowest } from './native/lowest.js';
import { macd } from './native/macd.js';
import { mfi } from './native/mfi.js';
import { obv } from './native/obv.js';
import { psar } from './native/psar.js';
import { rma } from './native/rma.js';
import { roc } from './native/roc.js';
import { rsi } from './native/rsi.js';
import { sma } from './native/sma.js';
import { stddev } from './native/stddev.js';
import { stoch } from './native/stoch.js';
import { stochrsi } from './native/stochrsi.js';
import { sum } from './native/sum.js';
import { supertrend } from './native/supertrend.js';
import { truerange } from './native/truerange.js';
import { vwap } from './native/vwap.js';
import { vwma } from './native/vwma.js';
import { willr } from './native/willr.js';
import { wma } from './native/wma.js';
import { zscore } from './native/zscore.js';
import type { ScratchArena } from './scratch.js';
import { technicalIndicators } from './technical.js';

export { resolveParameters } from './parameters.js';
export { createScratch } from './scratch.js';

/** Our own, by what they show: averages, momentum, bands and ranges, trend, volume. */
const NATIVE: readonly Indicator[] = [
  [sma, ema, wma, rma, hma, vwma],
  [rsi, macd, stoch, stochrsi, cci, willr, mfi, roc],
  [bbands, stddev, zscore, keltner, donchian, highest, lowest, sum, atr, truerange],
  [adx, supertrend, psar],
  [obv, vwap, adl],
].flat();

/** What others call the same thing: TradingView's and technicalindicators' names. */
const ALIASES: Readonly<Record<string, string>> = {
  accdist: 'adl',
  bb: 'bbands',
  bollingerbands: 'bbands',
  dmi: 'adx',
  ichimoku: 'ichimokucloud',
  kc: 'keltner',
  keltnerchannels: 'keltner',
  sar: 'psar',
  sd: 'stddev',
  stdev: 'stddev',
  stochastic: 'stoch',
  stochasticrsi: 'stochrsi',
  tr: 'truerange',
  wema: 'rma',
  williamsr: 'willr',
  wpr: 'willr',
};

const byName: ReadonlyMap<string, Indicator> = new Map(
  [...technicalIndicators, ...NATIVE].map((indicator) => [indicator.name, indicator]),
);

/** Every indicator: our own first, then those of technicalindicators. */
export function listIndicators(): readonly Indicator[] {
  return [...NATIVE, ...technicalIndicators];
}

/** The indicator of that name, or of a name that others give it. Throws a RangeError when there is none. */
export function indicatorNamed(name: string): Indicator {
  const indicator = byName.get(Object.hasOwn(ALIASES, name) ? (ALIASES[name] as string) : name);
  if (indicator === undefined) {
    const known = listIndicators().map((one) => one.name);
    throw new RangeError(`unknown indicator ${name}; known are ${known.join(' ')}`);
  }
  return indicator;
}

/**
 * The columns of an indicator by output name, each as long as the candles, NaN where there is no value. They belong to
 * the arena and are valid until it takes them back; what the indicator needed beside them is released at once.
 *
 * `parameters` must be complete, as `resolveParameters` gives them.
 */
export function computeIndicator(
  indicator: Indicator,
  candles: Columns,
  parameters: IndicatorParameters,
  scratch: ScratchArena,
): Record<string, Float64Array> {
  const out: Float64Array[] = [];
  const columns: Record<string, Float64Array> = {};
  for (const name of indicator.outputs) {
    const column = scratch.take(candles.close.length);
    out.push(column);
    columns[name] = column;
  }
  const mark = scratch.mark();
  indicator.compute(candles, parameters, out, scratch);
  scratch.release(mark);
  return columns;
}

import type { IndicatorParameters } from '../contract.js';
import type { TechnicalLibrary } from '../technical/library.js';

/** The plain arrays that technicalindicators takes; made before the clock starts. */
export interface PlainCandles {
  readonly high: number[];
  readonly low: number[];
  readonly close: number[];
  readonly volume: number[];
}

export interface Contestant {
  readonly name: string;
  readonly parameters: IndicatorParameters;
  readonly reference: (library: TechnicalLibrary, candles: PlainCandles) => readonly unknown[];
}

export const CONTESTANTS: readonly Contestant[] = [
  { name: 'sma', parameters: { period: 20 }, reference: (l, { close }) => l.sma({ period: 20, values: close }) },
  { name: 'ema', parameters: { period: 20 }, reference: (l, { close }) => l.ema({ period: 20, values: close }) },
  { name: 'wma', parameters: { period: 20 }, reference: (l, { close }) => l.wma({ period: 20, values: close }) },
  { name: 'rsi', parameters: { period: 14 }, reference: (l, { close }) => l.rsi({ period: 14, values: close }) },
  {
    name: 'macd',
    parameters: { fast: 12, slow: 26, signal: 9 },
    reference: (l, { close }) =>
      l.macd({
        values: close,
        fastPeriod: 12,
        slowPeriod: 26,
        signalPeriod: 9,
        SimpleMAOscillator: false,
        SimpleMASignal: false,
      }),
  },
  {
    name: 'bbands',
    parameters: { period: 20, multiplier: 2 },
    reference: (l, { close }) => l.bollingerbands({ period: 20, stdDev: 2, values: close }),
  },
  { name: 'stddev', parameters: { period: 20 }, reference: (l, { close }) => l.sd({ period: 20, values: close }) },
  { name: 'atr', parameters: { period: 14 }, reference: (l, candles) => l.atr({ period: 14, ...candles }) },
  {
    name: 'adx',
    parameters: { period: 14, smoothing: 14 },
    reference: (l, candles) => l.adx({ period: 14, ...candles }),
  },
  {
    name: 'stoch',
    parameters: { k: 14, d: 3, smooth: 1 },
    reference: (l, candles) => l.stochastic({ period: 14, signalPeriod: 3, ...candles }),
  },
  {
    name: 'stochrsi',
    parameters: { period: 14, k: 14, d: 3, smooth: 3 },
    reference: (l, { close }) =>
      l.stochasticrsi({ values: close, rsiPeriod: 14, stochasticPeriod: 14, kPeriod: 3, dPeriod: 3 }),
  },
  { name: 'cci', parameters: { period: 20 }, reference: (l, candles) => l.cci({ period: 20, ...candles }) },
  { name: 'willr', parameters: { period: 14 }, reference: (l, candles) => l.williamsr({ period: 14, ...candles }) },
  { name: 'mfi', parameters: { period: 14 }, reference: (l, candles) => l.mfi({ period: 14, ...candles }) },
  { name: 'obv', parameters: {}, reference: (l, candles) => l.obv({ ...candles }) },
  { name: 'vwap', parameters: {}, reference: (l, candles) => l.vwap({ ...candles }) },
  { name: 'roc', parameters: { period: 9 }, reference: (l, { close }) => l.roc({ period: 9, values: close }) },
  {
    name: 'keltner',
    parameters: { period: 20, multiplier: 2 },
    reference: (l, candles) =>
      l.keltnerchannels({ maPeriod: 20, atrPeriod: 20, multiplier: 2, useSMA: false, ...candles }),
  },
  { name: 'highest', parameters: { period: 20 }, reference: (l, { high }) => l.highest({ period: 20, values: high }) },
  { name: 'lowest', parameters: { period: 20 }, reference: (l, { low }) => l.lowest({ period: 20, values: low }) },
];

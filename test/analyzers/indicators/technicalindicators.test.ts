import fc from 'fast-check';
import * as library from 'technicalindicators';
import { describe, expect, it } from 'vitest';
import type { IndicatorParameters } from '../../../src/analyzers/indicators/contract.js';
import type { Columns } from '../../../src/domain/series.js';
import { arbitraryMovingCandles, compute, firstDifference } from '../../support/indicators.js';

interface Plain {
  readonly high: number[];
  readonly low: number[];
  readonly close: number[];
  readonly volume: number[];
}

interface Case {
  readonly indicator: string;
  readonly parameters: IndicatorParameters;
  /** Our output by theirs; the empty name for a plain number. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly reference: (candles: Plain) => readonly unknown[];
  /** Newest rows to compare where the seeds differ; all rows by default. */
  readonly newest?: number;
  /** Half a unit of what the library rounds to. */
  readonly rounded?: number;
}

const CASES: readonly Case[] = [
  {
    indicator: 'sma',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.sma({ period: 9, values: c.close }),
  },
  {
    indicator: 'ema',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.ema({ period: 9, values: c.close }),
  },
  {
    indicator: 'wma',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.wma({ period: 9, values: c.close }),
  },
  {
    indicator: 'rma',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.wema({ period: 9, values: c.close }),
  },
  {
    indicator: 'rsi',
    parameters: { period: 14 },
    outputs: { '': 'value' },
    reference: (c) => library.rsi({ period: 14, values: c.close }),
    rounded: 0.005,
  },
  {
    indicator: 'macd',
    parameters: { fast: 5, slow: 13, signal: 4 },
    outputs: { MACD: 'macd', signal: 'signal', histogram: 'histogram' },
    reference: (c) =>
      library.macd({
        values: c.close,
        fastPeriod: 5,
        slowPeriod: 13,
        signalPeriod: 4,
        SimpleMAOscillator: false,
        SimpleMASignal: false,
      }),
  },
  {
    indicator: 'bbands',
    parameters: { period: 9, multiplier: 2.5 },
    outputs: { middle: 'middle', upper: 'upper', lower: 'lower' },
    reference: (c) => library.bollingerbands({ period: 9, stdDev: 2.5, values: c.close }),
  },
  {
    indicator: 'stddev',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.sd({ period: 9, values: c.close }),
  },
  {
    indicator: 'stoch',
    parameters: { k: 9, d: 4, smooth: 1 },
    outputs: { k: 'k', d: 'd' },
    reference: (c) => library.stochastic({ period: 9, signalPeriod: 4, ...c }),
  },
  {
    indicator: 'willr',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.williamsr({ period: 9, ...c }),
  },
  {
    indicator: 'cci',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.cci({ period: 9, ...c }),
    // Its mean comes from a running sum, and what that has gathered is divided by a small deviation.
    rounded: 1e-6,
  },
  {
    indicator: 'roc',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.roc({ period: 9, values: c.close }),
  },
  { indicator: 'obv', parameters: {}, outputs: { '': 'value' }, reference: (c) => library.obv({ ...c }) },
  { indicator: 'vwap', parameters: {}, outputs: { '': 'value' }, reference: (c) => library.vwap({ ...c }) },
  {
    indicator: 'highest',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.highest({ period: 9, values: c.high }),
  },
  {
    indicator: 'lowest',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.lowest({ period: 9, values: c.low }),
  },
  {
    indicator: 'sum',
    parameters: { period: 9 },
    outputs: { '': 'value' },
    reference: (c) => library.sum({ period: 9, values: c.close }),
  },
  // Their first true range is that of the second candle.
  {
    indicator: 'atr',
    parameters: { period: 5 },
    outputs: { '': 'value' },
    reference: (c) => library.atr({ period: 5, ...c }),
    newest: 20,
  },
  {
    indicator: 'adx',
    parameters: { period: 5, smoothing: 5 },
    outputs: { adx: 'adx', pdi: 'plusDi', mdi: 'minusDi' },
    reference: (c) => library.adx({ period: 5, ...c }),
    newest: 20,
  },
];

describe('the same as technicalindicators where the definitions are the same', () => {
  for (const { indicator, parameters, outputs, reference, newest, rounded = 0 } of CASES) {
    it(`${indicator}${newest === undefined ? '' : `, in the newest ${newest} of 200 rows`}`, () => {
      fc.assert(
        fc.property(arbitraryMovingCandles(200), (candles) => {
          const columns = compute(indicator, candles, parameters);
          const results = reference(plainOf(candles));
          for (const [theirs, ours] of Object.entries(outputs)) {
            const expected = results.map((result) => valueOf(result, theirs)).slice(-(newest ?? 200));
            const actual = columns[ours]?.slice(-expected.length) ?? [];
            const allowed = (value: number) => Math.max(rounded * 1.01, 1e-9 * Math.max(1, Math.abs(value)));
            expect(firstDifference(actual, expected, allowed)).toBeNull();
          }
        }),
        { numRuns: 20 },
      );
    });
  }
});

function plainOf({ high, low, close, volume }: Columns): Plain {
  return { high: [...high], low: [...low], close: [...close], volume: [...volume] };
}

function valueOf(result: unknown, name: string): number {
  const value = name === '' ? result : (result as Record<string, number | undefined>)[name];
  return (value as number | undefined) ?? Number.NaN;
}

import { describe, expect, it } from 'vitest';
import type { IndicatorParameters } from '../../../src/analyzers/indicators/contract.js';
import { candlesFrom, compute, firstDifference, readTable, readTruth, truthDir } from '../../support/indicators.js';

interface Case {
  readonly file: string;
  readonly indicator: string;
  readonly parameters?: IndicatorParameters;
  /** Our output by the name in the file. */
  readonly outputs: Readonly<Record<string, string>>;
  /** First row to compare, where the seeds differ and converge; everything by default. */
  readonly from?: number;
  /** How many rows earlier ours stands. */
  readonly shift?: number;
}

const CASES: readonly Case[] = [
  { file: 'sma', indicator: 'sma', parameters: { period: 20 }, outputs: { sma: 'value' } },
  { file: 'ema', indicator: 'ema', parameters: { period: 20 }, outputs: { ema: 'value' } },
  { file: 'wma', indicator: 'wma', parameters: { period: 14 }, outputs: { wma: 'value' } },
  { file: 'hma', indicator: 'hma', parameters: { period: 14 }, outputs: { hma: 'value' } },
  { file: 'smma', indicator: 'rma', parameters: { period: 20 }, outputs: { smma: 'value' } },
  { file: 'vwma', indicator: 'vwma', parameters: { period: 14 }, outputs: { vwma: 'value' } },
  { file: 'rsi', indicator: 'rsi', parameters: { period: 14 }, outputs: { rsi: 'value' } },
  { file: 'macd', indicator: 'macd', outputs: { macd: 'macd', signal: 'signal', histogram: 'histogram' } },
  { file: 'bb', indicator: 'bbands', outputs: { sma: 'middle', upperBand: 'upper', lowerBand: 'lower' } },
  { file: 'bb', indicator: 'zscore', parameters: { period: 20 }, outputs: { zScore: 'value' } },
  { file: 'stdev', indicator: 'stddev', parameters: { period: 14 }, outputs: { stdDev: 'value' } },
  { file: 'stoch', indicator: 'stoch', parameters: { k: 14, d: 3, smooth: 3 }, outputs: { k: 'k', d: 'd' } },
  { file: 'stoch-rsi', indicator: 'stochrsi', parameters: { smooth: 1 }, outputs: { stochRsi: 'k', signal: 'd' } },
  { file: 'cci', indicator: 'cci', parameters: { period: 20 }, outputs: { cci: 'value' } },
  { file: 'willr', indicator: 'willr', parameters: { period: 14 }, outputs: { williamsR: 'value' } },
  { file: 'adx', indicator: 'adx', outputs: { adx: 'adx', pdi: 'plusDi', mdi: 'minusDi' } },
  { file: 'roc', indicator: 'roc', parameters: { period: 14 }, outputs: { roc: 'value' } },
  { file: 'adl', indicator: 'adl', outputs: { adl: 'value' } },
  { file: 'force', indicator: 'forceindex', parameters: { period: 2 }, outputs: { forceIndex: 'value' } },
  { file: 'awesome', indicator: 'awesomeoscillator', outputs: { oscillator: 'value' } },
  { file: 'heikinashi', indicator: 'heikinashi', outputs: { open: 'open', high: 'high', low: 'low', close: 'close' } },
  // Others begin one candle later, or from another seed.
  { file: 'mfi', indicator: 'mfi', parameters: { period: 14 }, outputs: { mfi: 'value' }, from: 14 },
  { file: 'obv', indicator: 'obv', outputs: { obv: 'value' }, from: 1 },
  { file: 'tr', indicator: 'truerange', outputs: { tr: 'value' }, from: 1 },
  { file: 'donchian', indicator: 'donchian', outputs: { upperBand: 'upper', lowerBand: 'lower' }, from: 20, shift: 1 },
  { file: 'ichimoku', indicator: 'ichimokucloud', outputs: { tenkanSen: 'conversion', kijunSen: 'base' }, from: 51 },
  { file: 'atr', indicator: 'atr', outputs: { atr: 'value' }, from: 400 },
  { file: 'supertrend', indicator: 'supertrend', outputs: { superTrend: 'value' }, from: 400 },
  { file: 'psar', indicator: 'psar', outputs: { sar: 'value' }, from: 400 },
  { file: 'trix', indicator: 'trix', parameters: { period: 14 }, outputs: { trix: 'value' }, from: 400 },
];

describe.skipIf(!truthDir)("Skender's baseline to 1e-9 (skipped without CANDLESCAN_TEST_DATA)", () => {
  for (const { file, indicator, parameters = {}, outputs, from = 0, shift = 0 } of CASES) {
    it(`${indicator} is ${file}${from === 0 ? '' : ` from row ${from} on`}`, () => {
      const quotes = readTable('skender_quotes', 'default.csv.gz');
      const at = (name: string) => quotes[name] ?? [];
      const candles = candlesFrom({
        open: at('open'),
        high: at('high'),
        low: at('low'),
        close: at('close'),
        volume: at('volume'),
      });
      const rows = JSON.parse(readTruth('skender_results', `${file}.standard.json.gz`)) as Record<
        string,
        number | null
      >[];
      const columns = compute(indicator, candles, parameters);
      for (const [theirs, ours] of Object.entries(outputs)) {
        const expected = rows.slice(from).map((row) => row[theirs] ?? Number.NaN);
        const actual = columns[ours]?.subarray(from - shift, rows.length - shift) ?? [];
        expect(expected.some(Number.isFinite)).toBe(true);
        // Relative, but not below 1: near its zero an oscillator is a difference of rounding errors.
        expect(firstDifference(actual, expected, (value) => 1e-9 * Math.max(1, Math.abs(value)))).toBeNull();
      }
    });
  }
});

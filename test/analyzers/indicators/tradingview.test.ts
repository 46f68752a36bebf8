import { describe, expect, it } from 'vitest';
import type { IndicatorParameters } from '../../../src/analyzers/indicators/contract.js';
import type { Columns } from '../../../src/domain/series.js';
import {
  candlesFrom,
  compute,
  firstDifference,
  readTable,
  relative,
  type Table,
  truthDir,
} from '../../support/indicators.js';

/** Makes the candles of a case from the columns of its export. */
type Source = (table: Table) => Columns;

const column = (table: Table, name: string) => table[name] ?? table[name === 'volume' ? 'Volume' : name] ?? [];

const asExported: Source = (table) =>
  candlesFrom({
    openTime: column(table, 'time').map((seconds) => seconds * 1_000),
    open: column(table, 'open'),
    high: column(table, 'high'),
    low: column(table, 'low'),
    close: column(table, 'close'),
    volume: column(table, 'volume'),
  });

/** Candles whose prices all are what the exported call was given in place of an indicator's usual source. */
const flatOn =
  (price: (row: { open: number; high: number; low: number; close: number }) => number): Source =>
  (table) => {
    const candles = asExported(table);
    const close = candles.close.map((value, row) =>
      price({
        open: candles.open[row] as number,
        high: candles.high[row] as number,
        low: candles.low[row] as number,
        close: value,
      }),
    );
    return candlesFrom({ close, volume: candles.volume, openTime: candles.openTime });
  };

const onClose = flatOn(({ close }) => close);

interface Case {
  readonly file: string;
  readonly indicator: string;
  readonly parameters?: IndicatorParameters;
  /** Output by exported call. */
  readonly calls: Readonly<Record<string, string>>;
  readonly source?: Source;
}

const CASES: readonly Case[] = [
  { file: 'ma.csv', indicator: 'sma', parameters: { period: 10 }, calls: { 'ta.sma(close, 10)': 'value' } },
  {
    file: 'ma.csv',
    indicator: 'sma',
    parameters: { period: 20 },
    calls: { 'ta.sma(hl2, 20)': 'value' },
    source: flatOn(({ high, low }) => (high + low) / 2),
  },
  {
    file: 'ma.csv',
    indicator: 'sma',
    parameters: { period: 15 },
    calls: { 'ta.sma(hlc3, 15)': 'value' },
    source: flatOn(({ high, low, close }) => (high + low + close) / 3),
  },
  { file: 'ma.csv', indicator: 'ema', parameters: { period: 20 }, calls: { 'ta.ema(close, 20)': 'value' } },
  {
    file: 'ma.csv',
    indicator: 'ema',
    parameters: { period: 10 },
    calls: { 'ta.ema(ohlc4, 10)': 'value' },
    source: flatOn(({ open, high, low, close }) => (open + high + low + close) / 4),
  },
  {
    file: 'ma.csv',
    indicator: 'rma',
    parameters: { period: 5 },
    calls: { 'ta.rma(hlcc4, 5)': 'value' },
    source: flatOn(({ high, low, close }) => (high + low + close + close) / 4),
  },
  {
    file: 'ma.csv',
    indicator: 'rma',
    parameters: { period: 15 },
    calls: { 'ta.rma(high, 15)': 'value' },
    source: flatOn(({ high }) => high),
  },
  { file: 'ma.csv', indicator: 'wma', parameters: { period: 5 }, calls: { 'ta.wma(close, 5)': 'value' } },
  { file: 'ma.csv', indicator: 'wma', parameters: { period: 20 }, calls: { 'ta.wma(close, 20)': 'value' } },
  { file: 'ma.csv', indicator: 'hma', parameters: { period: 9 }, calls: { 'ta.hma(close, 9)': 'value' } },
  { file: 'ma.csv', indicator: 'hma', parameters: { period: 20 }, calls: { 'ta.hma(close, 20)': 'value' } },
  { file: 'ma.csv', indicator: 'vwma', parameters: { period: 20 }, calls: { 'ta.vwma(close, 20)': 'value' } },
  {
    file: 'bb.csv',
    indicator: 'bbands',
    parameters: { period: 20, multiplier: 2 },
    calls: {
      'ta.bb(close, 20, 2).base': 'middle',
      'ta.bb(close, 20, 2).upper': 'upper',
      'ta.bb(close, 20, 2).lower': 'lower',
    },
  },
  {
    file: 'macd.csv',
    indicator: 'macd',
    parameters: { fast: 12, slow: 26, signal: 9 },
    calls: {
      'ta.macd(close, 12, 26, 9).macd': 'macd',
      'ta.macd(close, 12, 26, 9).signal': 'signal',
      'ta.macd(close, 12, 26, 9).hist': 'histogram',
    },
  },
  { file: 'mfi+rsi+stoch.csv', indicator: 'rsi', parameters: { period: 14 }, calls: { 'ta.rsi(close, 14)': 'value' } },
  {
    file: 'mfi+rsi+stoch.csv',
    indicator: 'mfi',
    parameters: { period: 14 },
    calls: { 'ta.mfi(close, 14)': 'value' },
    source: onClose,
  },
  {
    file: 'mfi+rsi+stoch.csv',
    indicator: 'stoch',
    parameters: { k: 20, smooth: 1, d: 1 },
    calls: { 'ta.stoch(close, high, low, 20)': 'k' },
  },
  {
    file: 'cci+cmo+cog.csv',
    indicator: 'cci',
    parameters: { period: 20 },
    calls: { 'ta.cci(close, 20)': 'value' },
    source: onClose,
  },
  { file: 'wpr.csv', indicator: 'willr', parameters: { period: 20 }, calls: { 'ta.wpr(20)': 'value' } },
  {
    file: 'highest+lowest.csv',
    indicator: 'highest',
    parameters: { period: 10 },
    calls: { 'ta.highest(10)': 'value' },
  },
  {
    file: 'highest+lowest.csv',
    indicator: 'highest',
    parameters: { period: 10 },
    calls: { 'ta.highest(close, 10)': 'value' },
    source: onClose,
  },
  { file: 'highest+lowest.csv', indicator: 'lowest', parameters: { period: 10 }, calls: { 'ta.lowest(10)': 'value' } },
  {
    file: 'highest+lowest.csv',
    indicator: 'lowest',
    parameters: { period: 10 },
    calls: { 'ta.lowest(close, 10)': 'value' },
    source: onClose,
  },
  { file: 'tr.csv', indicator: 'truerange', calls: { 'ta.tr(true)': 'value' } },
  { file: 'tr.csv', indicator: 'atr', parameters: { period: 14 }, calls: { 'ta.atr(14)': 'value' } },
  {
    file: 'dmi.csv',
    indicator: 'adx',
    parameters: { period: 17, smoothing: 14 },
    calls: { 'ta.dmi(17, 14).adx': 'adx', 'ta.dmi(17, 14).dip': 'plusDi', 'ta.dmi(17, 14).dim': 'minusDi' },
  },
  {
    file: 'kc.csv',
    indicator: 'keltner',
    parameters: { period: 20, multiplier: 2 },
    calls: {
      'ta.kc(close, 20, 2).base': 'middle',
      'ta.kc(close, 20, 2).upper': 'upper',
      'ta.kc(close, 20, 2).lower': 'lower',
    },
  },
  {
    file: 'sar.csv',
    indicator: 'psar',
    parameters: { start: 0.02, increment: 0.02, max: 0.2 },
    calls: { 'ta.sar(0.02, 0.02, 0.2)': 'value' },
  },
  { file: 'iii+nvi+obv.csv', indicator: 'obv', calls: { 'ta.obv': 'value' } },
  { file: 'accdist+pvi+pvt+wad+wvad.csv', indicator: 'adl', calls: { 'ta.accdist': 'value' } },
];

describe.skipIf(!truthDir)("TradingView's exports, every cell to 1e-9 (skipped without CANDLESCAN_TEST_DATA)", () => {
  for (const { file, indicator, parameters = {}, calls, source = asExported } of CASES) {
    for (const [call, output] of Object.entries(calls)) {
      it(`${indicator} is ${call}`, () => {
        const table = readTable('tradingview_pynecore', file);
        const expected = table[call] as readonly number[];
        expect(expected.some(Number.isFinite)).toBe(true);
        const columns = compute(indicator, source(table), parameters);
        expect(firstDifference(columns[output] ?? [], expected, relative(1e-9))).toBeNull();
      });
    }
  }

  it('supertrend is ta.supertrend(3, 10), but for the 0 that Pine gives on the first candle', () => {
    const table = readTable('tradingview_pynecore', 'supertrend.csv');
    const { value, direction } = compute('supertrend', asExported(table), { period: 10, multiplier: 3 });
    const up = table['ta.supertrend(3, 10).up'] as readonly number[];
    const down = [...(table['ta.supertrend(3, 10).down'] as readonly number[])];
    expect(down[0]).toBe(0);
    down[0] = Number.NaN;
    const where = (wanted: number) => value?.map((one, row) => (direction?.[row] === wanted ? one : Number.NaN)) ?? [];
    expect(firstDifference(where(-1), up, relative(1e-9))).toBeNull();
    expect(firstDifference(where(1), down, relative(1e-9))).toBeNull();
  });

  it('vwap is ta.vwap(close) when the session of the export begins at midnight', () => {
    const table = readTable('tradingview_pynecore', 'vwap.csv');
    const candles = onClose(table);
    // The session of EURUSD begins at 17:00 in New York, 21:00 UTC at the time of the export.
    const shifted = { ...candles, openTime: candles.openTime.map((time) => time + 3 * 3_600_000) };
    const { value } = compute('vwap', shifted);
    expect(firstDifference(value ?? [], table['ta.vwap(close)'] ?? [], relative(1e-9))).toBeNull();
  });

  it('bbands gives the width of ta.bbw(close, 20, 2.1)', () => {
    const table = readTable('tradingview_pynecore', 'bb.csv');
    const { upper, middle, lower } = compute('bbands', asExported(table), { period: 20, multiplier: 2.1 });
    const width = upper?.map((one, row) => (100 * (one - (lower?.[row] as number))) / (middle?.[row] as number));
    expect(firstDifference(width ?? [], table['ta.bbw(close, 20, 2.1)'] ?? [], relative(1e-9))).toBeNull();
  });
});

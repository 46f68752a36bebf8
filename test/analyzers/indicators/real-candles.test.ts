import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { indicatorNamed, resolveParameters } from '../../../src/analyzers/indicators/registry.js';
import type { Columns } from '../../../src/domain/series.js';
import { candlesFrom, compute, firstDifference, sliceCandles } from '../../support/indicators.js';

const dir = process.env.CANDLESCAN_TEST_DATA;

function readCandles(...path: string[]): Columns {
  const [, ...lines] = gunzipSync(readFileSync(join(dir ?? '', 'candles', ...path)))
    .toString()
    .trimEnd()
    .split('\n');
  const rows = lines.map((line) => line.split(',').map(Number));
  const column = (index: number) => rows.map((row) => row[index] as number);
  return candlesFrom({
    openTime: column(0),
    open: column(1),
    high: column(2),
    low: column(3),
    close: column(4),
    volume: column(5),
  });
}

describe.skipIf(!dir)('real candles (skipped without CANDLESCAN_TEST_DATA)', () => {
  const windows = [
    'sma',
    'wma',
    'hma',
    'bbands',
    'stddev',
    'zscore',
    'stoch',
    'cci',
    'willr',
    'mfi',
    'donchian',
    'roc',
  ];

  it.each(windows)('%s of the newest 99 candles is that of the whole history, through a crash of 78 %', (name) => {
    const candles = readCandles('binance-um-perp_2025-10_won9892000', 'TRUMPUSDT-5m.csv.gz');
    const indicator = indicatorNamed(name);
    const settled = indicator.settled(resolveParameters(indicator), 1e-9);
    const whole = compute(name, candles);
    // 2025-10-10 21:15 UTC: from 6.148 to 1.334 in one candle.
    const crash = candles.close.findIndex((price, row) => row > 0 && price < 0.5 * (candles.close[row - 1] as number));
    expect(crash).toBeGreaterThan(100);
    for (const end of [crash, crash + 1, crash + 2, crash + 30, crash + 60, candles.close.length]) {
      const late = compute(name, sliceCandles(candles, end - 99, end));
      for (const output of indicator.outputs) {
        const expected = whole[output]?.slice(end - 99 + settled - 1, end) ?? [];
        const actual = late[output]?.slice(settled - 1) ?? [];
        expect(firstDifference(actual, expected, (value) => 1e-10 * Math.max(1e-3, Math.abs(value)))).toBeNull();
      }
    }
  });

  it('a delisted coin that stands still for months gives no oscillator, no infinity and no deviation', () => {
    const candles = readCandles('event_binance-delisted-FTT-2022-11_MuTheBug', 'FTTUSDT-1h.csv.gz');
    expect(compute('zscore', candles).value?.at(-1)).toBeNaN();
    expect(compute('stoch', candles).d?.at(-1)).toBeNaN();
    expect(compute('stochrsi', candles).k?.at(-1)).toBeNaN();
    expect(compute('stddev', candles).value?.at(-1)).toBe(0);
    expect(compute('bbands', candles).upper?.at(-1)).toBe(candles.close.at(-1));
    expect(compute('rsi', candles).value?.at(-1)).toBeGreaterThanOrEqual(0);
    expect(Number.isFinite(compute('adx', candles).adx?.at(-1))).toBe(true);
  });
});

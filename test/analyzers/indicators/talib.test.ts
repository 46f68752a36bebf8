import { describe, expect, it } from 'vitest';
import type { IndicatorParameters } from '../../../src/analyzers/indicators/contract.js';
import { candlesFrom, compute, readTable, readTruth, truthDir } from '../../support/indicators.js';

interface Row {
  readonly test: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly output: number;
  readonly bar: number;
  readonly value: number;
  /** Written by hand, rounded or cut off: a unit of the last digit, and never better than a hundredth. */
  readonly tolerance: number;
}

const PLAIN = { unstablePeriod: 0, compatibility: 'TA_COMPATIBILITY_DEFAULT' };

interface Case {
  readonly test: string;
  readonly indicator: string;
  /** Our outputs in the order of TA-Lib's. */
  readonly outputs: readonly string[];
  readonly parameters: (options: Readonly<Record<string, unknown>>) => IndicatorParameters;
  /** Rows to compare, where definitions or seeds differ; all by default. */
  readonly rows?: (row: Row) => boolean;
}

const byPeriod = (options: Readonly<Record<string, unknown>>) => ({
  period: Number(options.optInTimePeriod ?? options.optInTimePeriod1),
});

const CASES: readonly Case[] = [
  { test: 'TA_RSI_TEST', indicator: 'rsi', outputs: ['value'], parameters: byPeriod },
  { test: 'TA_WILLR_TEST', indicator: 'willr', outputs: ['value'], parameters: byPeriod },
  { test: 'TA_CCI_TEST', indicator: 'cci', outputs: ['value'], parameters: byPeriod },
  { test: 'TA_ROC_TEST', indicator: 'roc', outputs: ['value'], parameters: byPeriod },
  // TradingView counts the first candle too, so that the sums agree as soon as it has left the window.
  { test: 'TA_MFI_TEST', indicator: 'mfi', outputs: ['value'], parameters: byPeriod },
  { test: 'TA_AD_TEST', indicator: 'adl', outputs: ['value'], parameters: () => ({}) },
  // Seeds differ; after 200 candles they agree to the printed digits.
  { test: 'TST_ADX', indicator: 'adx', outputs: ['adx'], parameters: byPeriod, rows: ({ bar }) => bar > 200 },
  { test: 'TST_PLUS_DI', indicator: 'adx', outputs: ['plusDi'], parameters: byPeriod, rows: ({ bar }) => bar > 200 },
  { test: 'TST_MINUS_DI', indicator: 'adx', outputs: ['minusDi'], parameters: byPeriod, rows: ({ bar }) => bar > 200 },
];

describe.skipIf(!truthDir)(
  "TA-Lib's regression table to its printed digits (skipped without CANDLESCAN_TEST_DATA)",
  () => {
    for (const { test, indicator, outputs, parameters, rows = () => true } of CASES) {
      it(`${indicator} is ${test}`, () => {
        const compared = expectations(test).filter(rows);
        expect(compared.length).toBeGreaterThan(0);
        const table = readTable('talib_regtest', 'input_252_bars.csv');
        const at = (name: string) => table[name] ?? [];
        const candles = candlesFrom({
          open: at('open'),
          high: at('high'),
          low: at('low'),
          close: at('close'),
          volume: at('volume'),
        });
        for (const { options, output, bar, value, tolerance } of compared) {
          const columns = compute(indicator, candles, parameters(options));
          const found = columns[outputs[output] as string]?.[bar];
          expect(Math.abs((found ?? Number.NaN) - value), `bar ${bar}: found ${found}, table ${value}`).toBeLessThan(
            tolerance,
          );
        }
      });
    }
  },
);

/** The rows of a test whose options are TA-Lib's defaults. */
function expectations(test: string): readonly Row[] {
  const [, ...lines] = readTruth('talib_regtest', 'expected_full_range.csv').trimEnd().split(/\r?\n/);
  return lines.flatMap((line): Row[] => {
    const match = /^[^,]*,([^,]*),"(.*)",(\d+),(\d+),\d+,(.*)$/.exec(line);
    if (match?.[1] !== test) return [];
    const options = JSON.parse((match[2] as string).replaceAll('""', '"')) as Record<string, unknown>;
    const standard = Object.entries(PLAIN).every(
      ([name, value]) => options[name] === undefined || options[name] === value,
    );
    if (!standard) return [];
    const text = match[5] as string;
    const decimals = /\.(?!0$)(\d+)$/.exec(text)?.[1]?.length ?? 0;
    const tolerance = Math.max(0.011, 1.01 * 10 ** -decimals);
    return [{ test, options, output: Number(match[3]), bar: Number(match[4]), value: Number(text), tolerance }];
  });
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { CandleRow } from '../../src/domain/candle.js';
import { Series } from '../../src/domain/series.js';
import type { Timeframe } from '../../src/domain/timeframe.js';

const DIR = join(process.env.CANDLESCAN_TEST_DATA ?? '', 'candles');

/** The rows of a candle file of the test data, as they stand there. */
export function realRows(source: string, symbol: string, timeframe: Timeframe): CandleRow[] {
  const [, ...lines] = gunzipSync(readFileSync(join(DIR, source, `${symbol}-${timeframe}.csv.gz`)))
    .toString()
    .trimEnd()
    .split('\n');
  return lines.map((line) => line.split(',').map(Number) as unknown as CandleRow);
}

/** The symbols of a source that have a file of the timeframe. */
export function realSymbols(source: string, timeframe: Timeframe): string[] {
  const ending = `-${timeframe}.csv.gz`;
  if (!existsSync(join(DIR, source))) return [];
  return readdirSync(join(DIR, source))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length));
}

/** The rows as series, a new one behind every hole. */
export function contiguousSeries(symbol: string, timeframe: Timeframe, rows: readonly CandleRow[]): Series[] {
  const runs: Series[] = [];
  let current: Series | undefined;
  for (const row of rows) {
    if (current?.append(row, 'history', Number.MAX_SAFE_INTEGER) === null) continue;
    current = new Series(symbol, timeframe, rows.length, 1);
    const refusal = current.append(row, 'history', Number.MAX_SAFE_INTEGER);
    if (refusal !== null) throw new Error(`${symbol} ${timeframe} ${row[0]}: ${refusal}`);
    runs.push(current);
  }
  return runs;
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SOURCES } from '../domain/candle.js';
import { toDecimal } from '../domain/decimal.js';
import { columnsOf, type SeriesWindow } from '../domain/series.js';

/** Writes a series as `SYMBOL-TF.csv`: the columns of a candle file, and where each candle came from. */
export async function writeCandles(directory: string, window: SeriesWindow): Promise<void> {
  const { openTime, open, high, low, close, volume, source } = columnsOf(window);
  const lines = ['open_time_ms,open,high,low,close,volume,source'];
  for (let row = 0; row < window.length; row++) {
    const prices = [open, high, low, close, volume].map((column) => toDecimal(column[row] as number));
    lines.push([openTime[row], ...prices, SOURCES[source[row] as number]].join(','));
  }
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${window.symbol}-${window.timeframe}.csv`), `${lines.join('\n')}\n`);
}

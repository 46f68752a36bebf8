import { type CandleRow, SOURCES, type Source } from '../../domain/candle.js';
import { columnsOf, type Series } from '../../domain/series.js';

/** The candle of a series that opened at `openTime` (its newest by default), with its source; null when it is not held. */
export function rowAt(
  series: Series,
  openTime: number | null = series.lastOpenTime,
): { readonly row: CandleRow; readonly source: Source } | null {
  const { firstOpenTime, lastOpenTime } = series;
  if (openTime === null || firstOpenTime === null || lastOpenTime === null) return null;
  if (openTime < firstOpenTime || openTime > lastOpenTime) return null;
  const columns = columnsOf(series.window({ count: 1, until: openTime }));
  const { open, high, low, close, volume } = columns;
  const row = [columns.openTime, open, high, low, close, volume].map((column) => column[0] as number);
  return { row: row as unknown as CandleRow, source: SOURCES[columns.source[0] as number] as Source };
}

import { floorToTimeframe, type Timeframe, timeframeMs } from './timeframe.js';

/** Open time (epoch ms UTC), open, high, low, close (quote currency), volume (base asset). */
export type CandleRow = readonly [
  openTime: number,
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
];

/** Where a candle came from. The index of a name is its code in a series, so the order is part of the L2 format. */
export const SOURCES = ['cache', 'history', 'stream', 'rest', 'derived'] as const;
export type Source = (typeof SOURCES)[number];

/** Why a row was refused. `shape` and `number` are found while parsing, the others by the series itself. */
export const REFUSALS = [
  'shape',
  'number',
  'negative',
  'range',
  'grid',
  'forming',
  'order',
  'duplicate',
  'gap',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/**
 * What is wrong with a row by itself, or null. `closedBy` is the exchange's time (epoch ms): a candle that has not
 * closed by then is forming, and a candle of the future is forming too.
 */
export function candleDefect(row: CandleRow, timeframe: Timeframe, closedBy: number): Refusal | null {
  const openTime = row[0];
  const defect = valuesDefect(openTime, row[1], row[2], row[3], row[4], row[5]);
  if (defect !== null) return defect;
  if (floorToTimeframe(openTime, timeframe) !== openTime) return 'grid';
  if (openTime + timeframeMs(timeframe) > closedBy) return 'forming';
  return null;
}

/** The part of `candleDefect` that does not depend on the timeframe, for values that come from columns. */
export function valuesDefect(
  openTime: number,
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
): Refusal | null {
  // Beyond 2^53 every double is a multiple of every grid.
  if (!Number.isSafeInteger(openTime) || openTime < 0) return 'grid';
  // One sum is finite only when every term is; Infinity - Infinity is NaN, so nothing cancels out.
  if (!Number.isFinite(openTime + open + high + low + close + volume)) return 'number';
  if (open <= 0 || low <= 0 || close <= 0 || volume < 0) return 'negative';
  if (low > open || low > close || high < open || high < close) return 'range';
  return null;
}

import { TIMEFRAMES } from '../../domain/timeframe.js';

const DAY_MS = TIMEFRAMES['1d'];

/** Every interval of the exchange's klines, ascending. `1s` exists on spot only. */
export const INTERVALS = [
  ...(['1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d'] as const),
  ...(['3d', '1w', '1M'] as const),
] as const;
export type Interval = (typeof INTERVALS)[number];

export function isInterval(text: string): text is Interval {
  return (INTERVALS as readonly string[]).includes(text);
}

/** Length in milliseconds; a calendar month counts as 31 days and is used for ordering only. */
export function intervalMs(interval: Interval): number {
  if (interval === '1M') return 31 * DAY_MS;
  if (interval === '3d') return 3 * DAY_MS;
  return TIMEFRAMES[interval];
}

/** Weeks open on Mondays and 1970-01-01 was a Thursday; every other fixed interval counts from the epoch. */
function anchorMs(interval: Interval): number {
  return interval === '1w' ? 4 * DAY_MS : 0;
}

/** The number of the candle that holds `time`: consecutive candles have consecutive numbers, also calendar months. */
export function candleIndex(interval: Interval, time: number): number {
  if (interval !== '1M') return Math.floor((time - anchorMs(interval)) / intervalMs(interval));
  const date = new Date(time);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** Open time (epoch ms) of the candle with that number; the candle closes one millisecond before the next opens. */
export function candleOpenTime(interval: Interval, index: number): number {
  if (interval !== '1M') return index * intervalMs(interval) + anchorMs(interval);
  return Date.UTC(Math.floor(index / 12), index % 12);
}

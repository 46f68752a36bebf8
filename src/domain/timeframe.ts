const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The timeframes that can be scanned, with their length in milliseconds. Calendar months have no fixed length and are left out. */
export const TIMEFRAMES = {
  '1m': MINUTE,
  '3m': 3 * MINUTE,
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1h': HOUR,
  '2h': 2 * HOUR,
  '4h': 4 * HOUR,
  '6h': 6 * HOUR,
  '8h': 8 * HOUR,
  '12h': 12 * HOUR,
  '1d': DAY,
  '1w': 7 * DAY,
} as const;

export type Timeframe = keyof typeof TIMEFRAMES;

/** 1970-01-01 was a Thursday and weekly candles open on Mondays, so their grid is shifted by four days. */
const WEEK_ANCHOR = 4 * DAY;

export function isTimeframe(text: string): text is Timeframe {
  return Object.hasOwn(TIMEFRAMES, text);
}

export function timeframeMs(timeframe: Timeframe): number {
  return TIMEFRAMES[timeframe];
}

/** The newest open time of `timeframe` that is not after `time` (both epoch milliseconds UTC). */
export function floorToTimeframe(time: number, timeframe: Timeframe): number {
  const step = TIMEFRAMES[timeframe];
  const anchor = timeframe === '1w' ? WEEK_ANCHOR : 0;
  return Math.floor((time - anchor) / step) * step + anchor;
}

/** Ascending by length; the first is the base timeframe. */
export function sortTimeframes(timeframes: Iterable<Timeframe>): Timeframe[] {
  return [...new Set(timeframes)].sort((a, b) => TIMEFRAMES[a] - TIMEFRAMES[b]);
}

import { crc32 } from 'node:zlib';
import { isTimeframe, type Timeframe } from '../domain/timeframe.js';

/** One series of the exchange that the cache was built for. */
export interface SeriesKey {
  readonly symbol: string;
  readonly timeframe: Timeframe;
}

/**
 * Segments per timeframe. Series of one timeframe change together, so a flush rewrites whole segments and leaves the
 * longer timeframes alone. Each costs three file operations and a checksum, which is why there are not more; a damaged
 * one costs an eighth of one timeframe.
 */
export const SEGMENTS_PER_TIMEFRAME = 8;

const RESULTS = 'results/';

/** Where a series lives on disk. It follows from the key alone, so no directory of segments can be lost or be wrong. */
export function segmentKey(exchange: string, { symbol, timeframe }: SeriesKey): string {
  const segment = crc32(symbol) % SEGMENTS_PER_TIMEFRAME;
  return `series/${exchange}/${timeframe}/${segment.toString(16)}`;
}

/** Where the results of analyzers over the candles of an exchange are. */
export function resultsKey(exchange: string): string {
  return `${RESULTS}${exchange}`;
}

export function isResultsKey(key: string): boolean {
  return key.startsWith(RESULTS);
}

/** Whether a segment holds series of the exchange. */
export function isOf(exchange: string, key: string): boolean {
  return key.startsWith(`series/${exchange}/`);
}

/** Which of the segments of its timeframe a segment key names; it is the same for all series of a symbol. */
export function segmentNumber(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

/** The timeframe of a segment key, or null when it is no segment key. */
export function segmentTimeframe(key: string): Timeframe | null {
  const timeframe = /^series\/[^/]+\/([^/]+)\/[0-9a-f]+$/.exec(key)?.[1];
  return timeframe !== undefined && isTimeframe(timeframe) ? timeframe : null;
}

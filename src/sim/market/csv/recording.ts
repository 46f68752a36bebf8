import { candleIndex, candleOpenTime, type Interval, intervalMs } from '../interval.js';
import type { CsvSeries } from './series.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

/**
 * How much later than it was recorded a symbol is served: a whole number of periods, so that every interval keeps its grid,
 * and the smallest with which no interval has ended before `now`. What was recorded after that moment is the future and
 * appears as time passes; so up to one period of the recording is still to come, and no interval has a hole before now.
 *
 * The period is the longest interval recorded, and at least an hour, because one-hour candles are built from shorter ones by
 * default; a recording of less than a day is too short to keep an hour back.
 */
export function shiftOf(recorded: readonly CsvSeries[], now: number): number {
  const ends = recorded.map((series) => endOf(series));
  const spans = recorded.map((series, index) => (ends[index] as number) - (series.openTimes[0] as number));
  const longest = Math.max(...recorded.map((series) => periodMs(series.interval)));
  const period = Math.min(...spans) >= DAY_MS ? Math.max(longest, HOUR_MS) : longest;
  // At the end itself the last candle is closed; one millisecond earlier it is still forming.
  return Math.ceil((now + 1 - Math.min(...ends)) / period) * period;
}

/** A month has no fixed length, so a shift by whole months is not possible; weeks keep every shorter grid. */
function periodMs(interval: Interval): number {
  return interval === '1M' ? WEEK_MS : intervalMs(interval);
}

function endOf(series: CsvSeries): number {
  const last = series.openTimes[series.length - 1] as number;
  return candleOpenTime(series.interval, candleIndex(series.interval, last) + 1);
}

/** The series that candles of `interval` are read or built from: its own, else the shortest that divides it. */
export function sourceOf(recorded: readonly CsvSeries[], interval: Interval): CsvSeries | undefined {
  const own = recorded.find((series) => series.interval === interval);
  return own ?? dividing(recorded, interval)[0];
}

/** The recorded series that are shorter than `interval` and divide it, the shortest first. */
export function dividing(recorded: readonly CsvSeries[], interval: Interval): CsvSeries[] {
  const length = interval === '1M' ? DAY_MS : intervalMs(interval);
  return recorded
    .filter(
      (series) => intervalMs(series.interval) < intervalMs(interval) && length % intervalMs(series.interval) === 0,
    )
    .sort((a, b) => intervalMs(a.interval) - intervalMs(b.interval));
}

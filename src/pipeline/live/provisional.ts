import type { CandleRow } from '../../domain/candle.js';
import { deriveCandle } from '../../domain/derive.js';
import type { Series, SeriesWindow } from '../../domain/series.js';
import { lastClosedOpenTime, type Slot } from '../../domain/slot.js';
import { type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import type { SeriesStore } from '../source.js';

export interface ProvisionalOptions {
  readonly store: SeriesStore;
  /** Ascending; the first is the base. */
  readonly timeframes: readonly [Timeframe, ...Timeframe[]];
  /** Timeframes that are built from the base. */
  readonly derived: readonly Timeframe[];
  /** The newest known state of the base candle that opened at a time and is not final yet. */
  readonly forming: (symbol: string, openTime: number) => CandleRow | null;
}

/**
 * The series of a symbol as they will be at the slot if the candle that just ended stays as it was last seen: copies, so
 * that no candle that is not final ever gets into a series. Null when the candle is final already, when nothing is known
 * of it, or when candles before it are missing.
 */
export function provisionalWindows(
  { store, timeframes, derived, forming }: ProvisionalOptions,
  symbol: string,
  slot: Slot,
): readonly SeriesWindow[] | null {
  const [base, ...longer] = timeframes;
  const openTime = lastClosedOpenTime(slot, base);
  const held = store.get({ symbol, timeframe: base });
  const row = forming(symbol, openTime);
  if (held === undefined || row === null || held.lastOpenTime !== openTime - timeframeMs(base)) return null;
  const ended = held.copy();
  if (ended.append(row, 'stream', slot) !== null) return null;
  const windows = longer.map((timeframe) => {
    const series = store.get({ symbol, timeframe });
    return series && windowAt(series, derived.includes(timeframe) ? ended : null, slot);
  });
  return [ended.window(), ...windows.filter((window) => window != null)];
}

/** The series at the slot; its own candle, when it ends there, is made from `base`. Null when there is no way to it. */
function windowAt(series: Series, base: Series | null, slot: Slot): SeriesWindow | null {
  const { timeframe, lastOpenTime } = series;
  const newest = lastClosedOpenTime(slot, timeframe);
  if (lastOpenTime !== null && lastOpenTime >= newest) return series.window({ until: newest });
  const row = base === null ? null : deriveCandle(base, timeframe, newest);
  if (row === null) return null;
  const ended = series.copy();
  return ended.append(row, 'derived', slot) === null ? ended.window() : null;
}

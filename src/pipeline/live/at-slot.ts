import type { Series } from '../../domain/series.js';
import { lastClosedOpenTime, type Slot } from '../../domain/slot.js';

/** Whether a series holds the newest candle that closed by `slot`; it may hold later ones too. */
export function isAtSlot(series: Series | undefined, slot: Slot): boolean {
  const last = series?.lastOpenTime ?? null;
  return series !== undefined && last !== null && last >= lastClosedOpenTime(slot, series.timeframe);
}

import type { CandleRow } from '../../src/domain/candle.js';
import { Series } from '../../src/domain/series.js';
import { lastClosedOpenTime, type Slot } from '../../src/domain/slot.js';
import { type Timeframe, timeframeMs } from '../../src/domain/timeframe.js';

/** `count` valid rows of a made-up walk, the newest being the last that closed by `slot`. */
export function rowsUntil(slot: Slot, timeframe: Timeframe, count: number): CandleRow[] {
  const step = timeframeMs(timeframe);
  const last = lastClosedOpenTime(slot, timeframe);
  return Array.from({ length: count }, (_, index): CandleRow => {
    const openTime = last - (count - 1 - index) * step;
    const price = 100 + Math.sin(openTime / step / 7) * 5;
    return [openTime, price, price + 1, price - 1, price + 0.5, 10 + (index % 5)];
  });
}

export function seriesOf(symbol: string, timeframe: Timeframe, rows: readonly CandleRow[], lookback = 300): Series {
  const series = new Series(symbol, timeframe, lookback);
  for (const row of rows) series.append(row, 'history', Number.MAX_SAFE_INTEGER);
  return series;
}

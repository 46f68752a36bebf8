import type { Refusal, Source } from '../domain/candle.js';
import { Series } from '../domain/series.js';
import { lastClosedOpenTime, type Slot } from '../domain/slot.js';
import { timeframeMs } from '../domain/timeframe.js';
import type { KlineReply } from './exchange/contract.js';

/** What a reply did to a series. */
export interface Ingested {
  /** The given series, or a new one when the reply starts behind a hole: the newest contiguous run is what counts. */
  readonly series: Series;
  readonly added: number;
  /** Candles held already of which the exchange now says something else. */
  readonly revised: number;
  /** Rows refused, by reason. A hole counts once. */
  readonly refused: ReadonlyMap<Refusal, number>;
  /** The series ends with the newest candle that has closed by the slot, or with a later one that others brought meanwhile. */
  readonly complete: boolean;
}

/**
 * Takes the rows of a reply into a series. Rows of candles that close after the slot are none of this cycle's business
 * and are passed over; rows that the series holds already must say the same.
 */
export function ingest(series: Series, reply: KlineReply, slot: Slot, source: Source): Ingested {
  const refused = new Map<Refusal, number>();
  const refuse = (reason: Refusal, count = 1) => refused.set(reason, (refused.get(reason) ?? 0) + count);
  for (const [reason, count] of Object.entries(reply.refused)) refuse(reason as Refusal, count);

  const step = timeframeMs(series.timeframe);
  const heldUntil = series.lastOpenTime;
  let current = series;
  let added = 0;
  let revised = 0;
  for (const row of reply.rows) {
    if (Number.isFinite(row[0]) && row[0] + step > slot && row[0] <= slot) continue;
    if (heldUntil !== null && row[0] <= heldUntil) {
      const verdict = series.revise(row, source, slot);
      if (verdict === 'revised') revised += 1;
      else if (verdict !== 'unchanged') refuse(verdict);
      continue;
    }
    let reason = current.append(row, source, slot);
    if (reason === 'gap') {
      refuse('gap');
      current = new Series(series.symbol, series.timeframe, series.lookback);
      reason = current.append(row, source, slot);
      added = 0;
    }
    if (reason === null) added += 1;
    else refuse(reason);
  }
  const complete = (current.lastOpenTime ?? 0) >= lastClosedOpenTime(slot, series.timeframe);
  return { series: current, added, revised, refused, complete };
}

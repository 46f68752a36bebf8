import { type CandleRow, SOURCES, type Source } from '../../domain/candle.js';
import { columnsOf, Series } from '../../domain/series.js';
import { type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import type { KlineQuery, KlineReply } from '../exchange/contract.js';

/** The longest reply that costs 2; one of 500 costs 5. */
const MOST_ROWS = 499;

/** A query for candles that end with one that is held. */
export type DeepQuery = KlineQuery & { readonly endTime: number };

/**
 * The next request that brings a series towards its lookback, or null when it is full or holds nothing to go on from.
 * The first one ends with the newest candle held, so that it restates all of them; a lookback beyond one reply is paged
 * backwards from the oldest candle held.
 */
export function planDeepening(series: Series): DeepQuery | null {
  const { symbol, timeframe, lookback, length, firstOpenTime, lastOpenTime } = series;
  if (length >= lookback || firstOpenTime === null || lastOpenTime === null) return null;
  const closeOf = (openTime: number) => openTime + timeframeMs(timeframe) - 1;
  const limit = Math.min(lookback, MOST_ROWS);
  if (length < limit) return { symbol, timeframe, limit, endTime: closeOf(lastOpenTime) };
  return { symbol, timeframe, limit: Math.min(lookback - length + 1, MOST_ROWS), endTime: closeOf(firstOpenTime) };
}

export interface Deepened {
  /** A new series, or the one that was held when the reply changed nothing. */
  readonly series: Series;
  /** Candles held of which the exchange now says something else; the reply's are in the series. */
  readonly revised: number;
  /** Open time of the oldest revised one. */
  readonly revisedSince: number | null;
  /**
   * `full`: it has its lookback. `deeper`: there is more to ask for. `exhausted`: the reply was whole and shorter than
   * asked, so it holds all that the exchange has. `unsound`: a reply with a hole or bad rows, that does not end with the
   * candle asked for, or does not reach back to what is held; what can be used of it is in the series.
   */
  readonly verdict: 'full' | 'deeper' | 'exhausted' | 'unsound';
}

/** Puts the rows of a reply under the candles that are held now, which may be more than when the query was made. */
export function deepen(held: Series, query: DeepQuery, { rows, refused }: KlineReply): Deepened {
  const first = held.firstOpenTime ?? Number.POSITIVE_INFINITY;
  const closedBy = query.endTime + 1;
  const isOlder = ([openTime]: CandleRow) => openTime < first;
  const under = stack(held, rows.filter(isOlder), closedBy);
  const restated = restate(
    under.series,
    rows.filter((row) => !isOlder(row)),
    closedBy,
  );
  const { series } = under;
  const isSound =
    Object.keys(refused).length === 0 && isUnbroken(rows, held.timeframe, closedBy) && under.sound && restated.sound;
  const reachesBack = (rows[0]?.[0] ?? Number.POSITIVE_INFINITY) <= first;
  return {
    series: series.length > held.length || restated.revised > 0 ? series : held,
    revised: restated.revised,
    revisedSince: restated.since,
    verdict: verdict(held, series, isSound && reachesBack, rows.length < query.limit),
  };
}

function verdict(held: Series, deeper: Series, isSound: boolean, isShort: boolean): Deepened['verdict'] {
  if (deeper.length >= deeper.lookback) return 'full';
  if (isSound && isShort) return 'exhausted';
  // Asking for more at once is only right when asking has helped.
  return isSound && deeper.length > held.length ? 'deeper' : 'unsound';
}

/** One row after the other up to the one that closed last; a row given twice would make a short reply look long. */
function isUnbroken(rows: readonly CandleRow[], timeframe: Timeframe, closedBy: number): boolean {
  const step = timeframeMs(timeframe);
  return rows.length > 0 && rows.every(([openTime], index) => openTime === closedBy - (rows.length - index) * step);
}

/** The older rows, as far as they lead up to the held ones without a hole, and the held ones on top. */
function stack(held: Series, older: readonly CandleRow[], closedBy: number): { series: Series; sound: boolean } {
  let series = new Series(held.symbol, held.timeframe, held.lookback);
  let sound = true;
  const append = (row: CandleRow, source: Source, until: number) => {
    const refusal = series.append(row, source, until);
    if (refusal !== null) sound = false;
    if (refusal !== 'gap') return;
    series = new Series(held.symbol, held.timeframe, held.lookback);
    series.append(row, source, until);
  };
  for (const row of older) append(row, 'history', closedBy);
  const { openTime, open, high, low, close, volume, source } = columnsOf(held.window());
  const columns = [openTime, open, high, low, close, volume];
  for (let index = 0; index < openTime.length; index++) {
    const row = columns.map((column) => column[index]) as unknown as CandleRow;
    append(row, SOURCES[source[index] as number] as Source, Number.POSITIVE_INFINITY);
  }
  return { series, sound };
}

/** What is held already must say the same; where it does not, the newest statement wins. */
function restate(series: Series, rows: readonly CandleRow[], closedBy: number) {
  let revised = 0;
  let since: number | null = null;
  let sound = true;
  for (const row of rows) {
    const outcome = series.revise(row, 'history', closedBy);
    if (outcome === 'revised') {
      revised += 1;
      since = Math.min(since ?? row[0], row[0]);
    } else if (outcome !== 'unchanged') sound = false;
  }
  return { revised, since, sound };
}

import { candleIndex, candleOpenTime, type Interval, intervalMs } from '../market/interval.js';
import type { Kline, Listing, Market } from '../market/market.js';
import type { TradeIds } from './frame.js';

/** More than any symbol trades in a day. */
const IDS_PER_DAY = 100_000_000;
const NO_TRADES: TradeIds = { first: -1, last: -1 };

/** The id of the last trade of a symbol before `time` (epoch ms): trades are numbered through within each UTC day. */
function lastIdBefore(market: Market, listing: Listing, time: number): number {
  const day = candleIndex('1d', time);
  const sinceMidnight = market.kline(listing, '1d', candleOpenTime('1d', day), time)?.trades ?? 0;
  return day * IDS_PER_DAY + sinceMidnight;
}

/**
 * Numbers the trades of one series' candles. All intervals of a symbol agree on the ids, and neighbouring candles of a day have
 * neighbouring ids; as on the exchange, ids have gaps (here at midnight), so a candle may span more of them than it has trades.
 */
export class TradeNumbering {
  readonly #market: Market;
  readonly #withinDay: boolean;
  #openTime = Number.NaN;
  #before = 0;

  constructor(market: Market, interval: Interval) {
    this.#market = market;
    this.#withinDay = intervalMs(interval) <= intervalMs('1d');
  }

  /** Of a candle as it stands at `now` (epoch ms). */
  idsOf(listing: Listing, kline: Kline, now: number): TradeIds {
    if (kline.trades === 0) return NO_TRADES;
    if (kline.openTime !== this.#openTime) {
      this.#openTime = kline.openTime;
      this.#before = lastIdBefore(this.#market, listing, kline.openTime);
    }
    const first = this.#before + 1;
    if (this.#withinDay) return { first, last: this.#before + kline.trades };
    return {
      first,
      last: Math.max(first, lastIdBefore(this.#market, listing, Math.min(now, kline.closeTime + 1))),
    };
  }
}

import { candleIndex, candleOpenTime, type Interval } from '../market/interval.js';
import type { Market } from '../market/market.js';
import { type Frame, klineFrame } from './frame.js';
import { klineStreamName } from './stream-name.js';
import { TradeNumbering } from './trade-ids.js';

export interface StrayFrameOptions {
  /** The first one that trades and is not subscribed when undefined. */
  readonly symbol: string | undefined;
  readonly interval: Interval;
  /** Exchange time, epoch ms. */
  readonly now: number;
  readonly isSubscribed: (stream: string) => boolean;
}

/** The forming candle of a symbol that a connection did not ask for; null when there is no such symbol. */
export function strayFrame(market: Market, options: StrayFrameOptions): Frame | null {
  const { interval, now, isSubscribed } = options;
  const isStray = (symbol: string) => !isSubscribed(klineStreamName(symbol, interval));
  const symbol =
    options.symbol ?? market.listings.find(({ symbol, status }) => status === 'TRADING' && isStray(symbol))?.symbol;
  const listing = symbol === undefined ? undefined : market.find(symbol);
  if (listing === undefined) return null;
  const kline = market.kline(listing, interval, candleOpenTime(interval, candleIndex(interval, now)), now);
  if (kline === null) return null;
  const ids = new TradeNumbering(market, interval).idsOf(listing, kline, now);
  const stream = { name: klineStreamName(listing.symbol, interval), symbol: listing.symbol, interval };
  return klineFrame(stream, kline, ids, now, false);
}

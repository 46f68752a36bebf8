import { candleIndex, candleOpenTime } from '../market/interval.js';
import type { Kline, Listing, Market } from '../market/market.js';
import { type Frame, klineFrame } from './frame.js';
import type { KlinePacing } from './limits.js';
import type { KlineStream } from './stream-name.js';
import { TradeNumbering } from './trade-ids.js';

/** Recorded closing frames came 204 to 2,005 ms after the close. */
const CLOSE_SOONEST_MS = 200;
const CLOSE_LATEST_MS = 2_000;

/**
 * What one kline stream says, and when. The stream is on one candle at a time. Until the candle's end it says how the candle
 * stands whenever there were trades. After the end it waits for the first trade of the next candle, at most two seconds, says
 * that the candle is closed, and goes on to the candle that forms by then. A candle without trades is passed over in silence.
 *
 * What it says is the market's own candle at that moment, so REST shows the same.
 */
export class KlineChannel {
  readonly #stream: KlineStream;
  readonly #market: Market;
  readonly #pacing: KlinePacing;
  readonly #numbering: TradeNumbering;
  #openTime = 0;
  /** One past the candle's last millisecond. */
  #end = 0;
  /** Trades of the candle that were told, or that were made before anybody listened. */
  #told = 0;

  /** `now` is the exchange's time, epoch ms. */
  constructor(stream: KlineStream, market: Market, pacing: KlinePacing, now: number) {
    this.#stream = stream;
    this.#market = market;
    this.#pacing = pacing;
    this.#numbering = new TradeNumbering(market, stream.interval);
    const index = candleIndex(stream.interval, now);
    const listing = market.find(stream.symbol);
    this.#moveTo(index - 1);
    if (listing === undefined || this.#mayClose(listing, now)) this.#moveTo(index);
    if (listing !== undefined) this.#told = this.#candle(listing, this.#openTime, now)?.trades ?? 0;
  }

  /** The time at which the candle is closed at the latest. */
  get closeBy(): number {
    return this.#end + CLOSE_LATEST_MS;
  }

  /** What there is to say at `now`; asked for at every update, and at `closeBy`. */
  visit(now: number): Frame | null {
    const listing = this.#market.find(this.#stream.symbol);
    const trading = listing?.status === 'TRADING';
    if (now < this.#end) return trading ? this.#update(listing, now) : null;
    const closing = trading ? this.#closing(listing, now) : null;
    if (trading && closing !== null && !this.#mayClose(listing, now)) return null;
    this.#moveTo(candleIndex(this.#stream.interval, now));
    return closing ?? (trading ? this.#update(listing, now) : null);
  }

  #update(listing: Listing, now: number): Frame | null {
    const kline = this.#candle(listing, this.#openTime, now);
    if (kline === null || (kline.trades === this.#told && !this.#pacing.everyUpdate)) return null;
    this.#told = kline.trades;
    return this.#frame(listing, kline, now, false);
  }

  #mayClose(listing: Listing, now: number): boolean {
    if (now >= this.closeBy) return true;
    if (now < this.#end + CLOSE_SOONEST_MS) return false;
    return (this.#candle(listing, this.#end, now)?.trades ?? 0) > 0;
  }

  /** Null when nothing is owed for the candle that ended. */
  #closing(listing: Listing, now: number): Frame | null {
    const kline = this.#candle(listing, this.#openTime, now);
    if (kline === null || (kline.trades === 0 && !this.#pacing.closeEmptyCandles)) return null;
    return this.#frame(listing, kline, now, true);
  }

  #candle(listing: Listing, openTime: number, now: number): Kline | null {
    return this.#market.kline(listing, this.#stream.interval, openTime, now);
  }

  #frame(listing: Listing, kline: Kline, now: number, closed: boolean): Frame {
    return klineFrame(this.#stream, kline, this.#numbering.idsOf(listing, kline, now), now, closed);
  }

  #moveTo(index: number): void {
    const { interval } = this.#stream;
    this.#openTime = candleOpenTime(interval, index);
    this.#end = candleOpenTime(interval, index + 1);
    this.#told = 0;
  }
}

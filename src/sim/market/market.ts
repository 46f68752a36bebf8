import { candleIndex, candleOpenTime, type Interval } from './interval.js';

/** One row of exchangeInfo, as far as rows differ from each other. Names keep the exchange's own spelling. */
export interface Listing {
  readonly symbol: string;
  readonly pair: string;
  readonly contractType: string;
  readonly status: string;
  readonly baseAsset: string;
  readonly quoteAsset: string;
  /** Epoch ms. */
  readonly onboardDate: number;
  /** Epoch ms; `PERPETUAL_DELIVERY_DATE` until a delisting is announced. */
  readonly deliveryDate: number;
  /** Decimals that prices are printed with; the tick may be coarser. */
  readonly pricePrecision: number;
  readonly quantityPrecision: number;
  readonly tickSize: string;
  readonly stepSize: string;
  readonly underlyingType: string;
  readonly underlyingSubType: readonly string[];
}

export const PERPETUAL_DELIVERY_DATE = 4_133_404_800_000;

/** A candle as the exchange prints it. */
export interface Kline {
  readonly openTime: number;
  readonly closeTime: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  /** Base asset. */
  readonly volume: string;
  readonly quoteVolume: string;
  readonly trades: number;
  readonly takerBase: string;
  readonly takerQuote: string;
}

/** Which candles a request asks for: bounds on the open time, epoch ms, inclusive. */
export interface KlineWindow {
  readonly startTime?: number;
  readonly endTime?: number;
  readonly limit: number;
}

export interface KlinePage {
  /** Names the closed rows: the same key always stands for the same rows. Null when the page has none. */
  readonly closedKey: string | null;
  /** The closed rows as JSON text, comma separated, without the outer brackets. Valid until the market's next call. */
  closedRows(): Uint8Array;
  readonly forming: Kline | null;
}

/** Candles at an exchange time: random access and deterministic, so that a closed candle never changes. */
export interface Market {
  readonly listings: readonly Listing[];
  /** By the exact, upper-case name. */
  find(symbol: string): Listing | undefined;
  /** Ascending candles; with `startTime` the oldest `limit` of the window, else the newest. */
  page(listing: Listing, interval: Interval, window: KlineWindow, now: number): KlinePage;
  /** The candle that opened at `openTime` as it stands at `now`, forming or closed, or null when there is none. */
  kline(listing: Listing, interval: Interval, openTime: number, now: number): Kline | null;
  /** What traded in [`from`, `now`) as one candle, `from` rounded down to the market's finest resolution. */
  span(listing: Listing, from: number, now: number): Kline | null;
}

/** The candles that a window selects from those numbered `[first, newest]`, by number; empty when `from > to`. */
export function selectIndexes(
  interval: Interval,
  window: KlineWindow,
  first: number,
  newest: number,
): { readonly from: number; readonly to: number } {
  const { startTime, endTime, limit } = window;
  const last = endTime === undefined ? newest : Math.min(newest, candleIndex(interval, endTime));
  if (startTime === undefined) return { from: Math.max(first, last - limit + 1), to: last };
  const from = Math.max(first, firstIndexFrom(interval, startTime));
  return { from, to: Math.min(last, from + limit - 1) };
}

/** The number of the first candle that opens at or after `time`. */
export function firstIndexFrom(interval: Interval, time: number): number {
  const index = candleIndex(interval, time);
  return candleOpenTime(interval, index) < time ? index + 1 : index;
}

export function klineRow(kline: Kline): string {
  const { openTime, open, high, low, close, volume, closeTime, quoteVolume, trades, takerBase, takerQuote } = kline;
  return (
    `[${openTime},"${open}","${high}","${low}","${close}","${volume}",` +
    `${closeTime},"${quoteVolume}",${trades},"${takerBase}","${takerQuote}","0"]`
  );
}

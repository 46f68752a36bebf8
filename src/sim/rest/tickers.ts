import type { Kline, Listing, Market } from '../market/market.js';
import { type Content, textContent } from './content.js';
import type { Endpoint, RestRequest } from './endpoint.js';
import { optionalListing } from './params.js';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

type Ticker = (market: Market, listing: Listing, now: number) => object | null;

/** Tickers of one symbol or, without `symbol`, of every symbol that trades, whatever its contract type. */
export function tickerEndpoint(market: Market, weights: { one: number; all: number }, ticker: Ticker): Endpoint {
  return {
    weight: (params) => (params.has('symbol') ? weights.one : weights.all),
    answer: (request) => answer(market, ticker, request),
  };
}

function answer(market: Market, ticker: Ticker, { params, now, gzip }: RestRequest): Content {
  const one = optionalListing(market, params);
  if (one !== undefined) return textContent(JSON.stringify(ticker(market, one, now) ?? {}), gzip);
  const all = market.listings
    .filter((listing) => listing.status === 'TRADING')
    .map((listing) => ticker(market, listing, now))
    .filter((row) => row !== null);
  return textContent(JSON.stringify(all), gzip);
}

export const ticker24hr: Ticker = (market, listing, now) => {
  const openTime = Math.floor(now / MINUTE_MS) * MINUTE_MS - DAY_MS;
  const day = market.span(listing, openTime, now);
  if (day === null) return null;
  const { symbol, pricePrecision } = listing;
  const [open, last, volume, quoteVolume] = [day.open, day.close, day.volume, day.quoteVolume].map(Number) as Quad;
  const change = last - open;
  const lastId = Math.floor(openTime / 100) + day.trades;
  return {
    symbol,
    priceChange: change.toFixed(pricePrecision),
    priceChangePercent: ((change / open) * 100).toFixed(3),
    weightedAvgPrice: (volume === 0 ? last : quoteVolume / volume).toFixed(pricePrecision),
    lastPrice: day.close,
    lastQty: listing.stepSize,
    openPrice: day.open,
    highPrice: day.high,
    lowPrice: day.low,
    volume: day.volume,
    quoteVolume: day.quoteVolume,
    openTime,
    closeTime: now,
    firstId: lastId - day.trades + 1,
    lastId,
    count: day.trades,
  };
};

type Quad = [number, number, number, number];

export const tickerPrice: Ticker = (market, listing, now) => {
  const candle = lastTrades(market, listing, now);
  return candle && { symbol: listing.symbol, price: candle.close, time: now };
};

/** The book is one tick wide around the last price. */
export const bookTicker: Ticker = (market, listing, now) => {
  const candle = lastTrades(market, listing, now);
  if (candle === null) return null;
  const ask = (Number(candle.close) + Number(listing.tickSize)).toFixed(listing.pricePrecision);
  const [bidQty, askQty] = [listing.stepSize, listing.stepSize];
  return { symbol: listing.symbol, bidPrice: candle.close, bidQty, askPrice: ask, askQty, time: now };
};

function lastTrades(market: Market, listing: Listing, now: number): Kline | null {
  return market.span(listing, Math.floor(now / MINUTE_MS) * MINUTE_MS, now);
}

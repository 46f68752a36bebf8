import type { Market } from '../market/market.js';
import { KlineBodies, textContent } from './content.js';
import type { Endpoint } from './endpoint.js';
import { exchangeInfoEndpoint } from './exchange-info.js';
import { continuousKlinesEndpoint, klinesEndpoint } from './klines.js';
import { bookTicker, ticker24hr, tickerEndpoint, tickerPrice } from './tickers.js';

/** The API's paths. */
export function endpoints(market: Market, weightLimit: number): ReadonlyMap<string, Endpoint> {
  const bodies = new KlineBodies();
  return new Map<string, Endpoint>([
    ['/fapi/v1/ping', { weight: () => 1, answer: () => textContent('{}', false) }],
    ['/fapi/v1/time', { weight: () => 1, answer: ({ now }) => textContent(`{"serverTime":${now}}`, false) }],
    ['/fapi/v1/exchangeInfo', exchangeInfoEndpoint(market, weightLimit)],
    ['/fapi/v1/klines', klinesEndpoint(market, bodies)],
    ['/fapi/v1/continuousKlines', continuousKlinesEndpoint(market, bodies)],
    ['/fapi/v1/ticker/24hr', tickerEndpoint(market, { one: 1, all: 40 }, ticker24hr)],
    ['/fapi/v1/ticker/price', tickerEndpoint(market, { one: 1, all: 2 }, tickerPrice)],
    ['/fapi/v1/ticker/bookTicker', tickerEndpoint(market, { one: 2, all: 5 }, bookTicker)],
  ]);
}

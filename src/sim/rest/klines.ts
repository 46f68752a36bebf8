import { isInterval } from '../market/interval.js';
import type { Listing, Market } from '../market/market.js';
import { invalidData, invalidInterval, invalidPair, startAfterEnd } from './api-error.js';
import type { KlineBodies } from './content.js';
import type { Endpoint, RestRequest } from './endpoint.js';
import { optionalInteger, requiredListing, requiredText, symbolText } from './params.js';
import { klinesWeight } from './weight.js';

const DEFAULT_LIMIT = 500;
const LONGEST_LIMIT = 1_500;
const CONTRACT_TYPES = new Set(['PERPETUAL', 'CURRENT_QUARTER', 'NEXT_QUARTER', 'TRADIFI_PERPETUAL']);

/** `limit` is weighed before it is judged: a refused request costs what it asked for. */
function weight(params: URLSearchParams): number {
  const text = params.get('limit');
  if (text === null) return klinesWeight(DEFAULT_LIMIT);
  const limit = Number(text);
  return Number.isFinite(limit) ? klinesWeight(limit) : 1;
}

export function klinesEndpoint(market: Market, bodies: KlineBodies): Endpoint {
  return {
    weight,
    answer: (request) => answer(market, bodies, requiredListing(market, request.params), request),
  };
}

export function continuousKlinesEndpoint(market: Market, bodies: KlineBodies): Endpoint {
  return {
    weight,
    answer: (request) => answer(market, bodies, continuousListing(market, request.params), request),
  };
}

function continuousListing(market: Market, params: URLSearchParams): Listing {
  const pair = symbolText(requiredText(params, 'pair'), 'pair');
  const contractType = requiredText(params, 'contractType').toUpperCase();
  if (!CONTRACT_TYPES.has(contractType)) throw invalidData('contractType');
  const found = market.listings.find((listing) => listing.pair === pair && listing.contractType === contractType);
  if (found === undefined) throw invalidPair();
  return found;
}

function answer(market: Market, bodies: KlineBodies, listing: Listing, { params, now, gzip }: RestRequest) {
  const interval = requiredText(params, 'interval');
  if (!isInterval(interval)) throw invalidInterval();
  const limit = optionalInteger(params, 'limit') ?? DEFAULT_LIMIT;
  if (limit < 1 || limit > LONGEST_LIMIT) throw invalidData('limit');
  const startTime = optionalInteger(params, 'startTime');
  const endTime = optionalInteger(params, 'endTime');
  if (startTime !== undefined && endTime !== undefined && startTime > endTime) throw startAfterEnd();
  const window = {
    limit,
    ...(startTime === undefined ? {} : { startTime }),
    ...(endTime === undefined ? {} : { endTime }),
  };
  return bodies.content(market.page(listing, interval, window, now), gzip);
}

import type { Listing, Market } from '../market/market.js';
import { duplicated, illegalCharacters, invalidSymbol, missing } from './api-error.js';

const INTEGER_RANGE = '^[0-9]{1,20}$';
const SYMBOL_RANGE = '^[\\p{L}\\p{N}_.-]{1,40}$';
const INTEGER = new RegExp(INTEGER_RANGE);
const SYMBOL = new RegExp(SYMBOL_RANGE, 'u');

/** A parameter's text, or undefined when it is absent. Unknown parameters are nobody's business, as at the exchange. */
export function optionalText(params: URLSearchParams, name: string): string | undefined {
  const values = params.getAll(name);
  if (values.length > 1) throw duplicated();
  return values[0];
}

export function requiredText(params: URLSearchParams, name: string): string {
  const text = optionalText(params, name);
  if (text === undefined || text === '') throw missing(name);
  return text;
}

export function optionalInteger(params: URLSearchParams, name: string): number | undefined {
  const text = optionalText(params, name);
  if (text === undefined) return undefined;
  if (text === '') throw missing(name);
  if (!INTEGER.test(text)) throw illegalCharacters(name, INTEGER_RANGE);
  return Number(text);
}

/** Symbols are accepted in lower case too. */
export function symbolText(text: string, name: string): string {
  if (!SYMBOL.test(text)) throw illegalCharacters(name, SYMBOL_RANGE);
  return text.toUpperCase();
}

export function requiredListing(market: Market, params: URLSearchParams): Listing {
  return listingNamed(market, requiredText(params, 'symbol'));
}

export function optionalListing(market: Market, params: URLSearchParams): Listing | undefined {
  return optionalText(params, 'symbol') === undefined ? undefined : requiredListing(market, params);
}

function listingNamed(market: Market, text: string): Listing {
  const listing = market.find(symbolText(text, 'symbol'));
  if (listing === undefined) throw invalidSymbol();
  return listing;
}

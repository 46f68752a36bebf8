import { UsageError } from '../../domain/errors.js';
import type { Interval } from '../market/interval.js';
import type { Kline, KlinePage, KlineWindow, Listing, Market } from '../market/market.js';

/**
 * A market whose listings change while it runs; candles stay those of the market below. REST and stream have to share one.
 * Every change makes a new `listings` array, so its identity tells whether something made from it still holds.
 */
export class ListedMarket implements Market {
  readonly #market: Market;
  #listings: readonly Listing[];
  #bySymbol: ReadonlyMap<string, Listing>;

  constructor(market: Market) {
    this.#market = market;
    this.#listings = market.listings;
    this.#bySymbol = index(market.listings);
  }

  get listings(): readonly Listing[] {
    return this.#listings;
  }

  find(symbol: string): Listing | undefined {
    return this.#bySymbol.get(symbol);
  }

  page(listing: Listing, interval: Interval, window: KlineWindow, now: number): KlinePage {
    return this.#market.page(listing, interval, window, now);
  }

  kline(listing: Listing, interval: Interval, openTime: number, now: number): Kline | null {
    return this.#market.kline(listing, interval, openTime, now);
  }

  span(listing: Listing, from: number, now: number): Kline | null {
    return this.#market.span(listing, from, now);
  }

  /**
   * Gives a symbol another status (`TRADING`, `SETTLING`, `PENDING_TRADING`…), listing it again if it was taken off. Throws a
   * `UsageError` for a symbol that the market below does not know: there are no candles for it.
   */
  setStatus(symbol: string, status: string): Listing {
    const known = this.#bySymbol.get(symbol) ?? this.#market.find(symbol);
    if (known === undefined) throw new UsageError(`symbol: found ${symbol}, allowed are the symbols of the market`);
    const contractType = known.contractType === '' && status === 'TRADING' ? 'PERPETUAL' : known.contractType;
    const changed = { ...known, status, contractType };
    this.#set(this.#bySymbol.has(symbol) ? this.#with(changed) : [...this.#listings, changed]);
    return changed;
  }

  /** Takes a symbol off, as if it had never been listed. */
  unlist(symbol: string): void {
    this.#set(this.#listings.filter((listing) => listing.symbol !== symbol));
  }

  #with(changed: Listing): readonly Listing[] {
    return this.#listings.map((listing) => (listing.symbol === changed.symbol ? changed : listing));
  }

  #set(listings: readonly Listing[]): void {
    this.#listings = listings;
    this.#bySymbol = index(listings);
  }
}

function index(listings: readonly Listing[]): ReadonlyMap<string, Listing> {
  return new Map(listings.map((listing) => [listing.symbol, listing]));
}

import { candleIndex, candleOpenTime, type Interval } from '../interval.js';
import { type Kline, type KlinePage, type KlineWindow, klineRow, type Listing, type Market } from '../market.js';
import { CsvSymbol } from './csv-symbol.js';
import { readCandleFiles } from './files.js';

/**
 * Recorded candles from a folder, moved in time so that they end now; see `shiftOf`. Prices and volumes are served in the
 * digits of the files. A recording that has been played to its end goes on like a symbol without trades.
 */
export async function csvMarket(dir: string, options: { readonly now: number }): Promise<Market> {
  const files = await readCandleFiles(dir);
  return new CsvMarket([...files].map(([symbol, recorded]) => new CsvSymbol(symbol, recorded, options.now)));
}

class CsvMarket implements Market {
  readonly listings: readonly Listing[];
  readonly #bySymbol: ReadonlyMap<string, CsvSymbol>;

  constructor(symbols: readonly CsvSymbol[]) {
    this.listings = symbols.map((symbol) => symbol.listing);
    this.#bySymbol = new Map(symbols.map((symbol) => [symbol.listing.symbol, symbol]));
  }

  find(symbol: string): Listing | undefined {
    return this.#bySymbol.get(symbol)?.listing;
  }

  page(listing: Listing, interval: Interval, window: KlineWindow, now: number): KlinePage {
    const symbol = this.#own(listing);
    const timeline = symbol.timeline(interval);
    const newest = candleIndex(interval, now);
    const { from, to } = timeline?.select(window, newest) ?? { from: 0, to: -1 };
    const forms = timeline !== null && from <= to && timeline.numberAt(to) === newest;
    const lastClosed = forms ? to - 1 : to;
    return {
      closedKey: from > lastClosed ? null : `${listing.symbol}|${interval}|${from}|${lastClosed}`,
      closedRows: () => Buffer.from(symbol.closedRows(interval, from, lastClosed).map(klineRow).join(',')),
      forming: forms ? this.kline(listing, interval, candleOpenTime(interval, newest), now) : null,
    };
  }

  kline(listing: Listing, interval: Interval, openTime: number, now: number): Kline | null {
    return openTime > now ? null : this.#own(listing).candle(interval, candleIndex(interval, openTime), now);
  }

  span(listing: Listing, from: number, now: number): Kline | null {
    return this.#own(listing).span(from, now);
  }

  #own(listing: Listing): CsvSymbol {
    const own = this.#bySymbol.get(listing.symbol);
    if (own === undefined) throw new RangeError(`${listing.symbol} is not listed in this market`);
    return own;
  }
}

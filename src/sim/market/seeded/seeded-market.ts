import { LRUCache } from 'lru-cache';
import { candleIndex, candleOpenTime, type Interval, intervalMs } from '../interval.js';
import { type Kline, type KlinePage, type KlineWindow, type Listing, type Market, selectIndexes } from '../market.js';
import { BLOCK_FIVES, FIVE, type FiveBlock, generateBlock } from './fives.js';
import {
  addFolded,
  CLOSE,
  FOLDED_LENGTH,
  foldFives,
  HIGH,
  LOTS,
  LOW,
  OPEN,
  QUOTE,
  standingPrice,
  TAKER_LOTS,
  TAKER_QUOTE,
  TRADES,
} from './fold.js';
import { type SeededListing, seededListings } from './listings.js';
import { MINUTE_MS, partialMinute, splitFive } from './minutes.js';
import { RowWriter } from './row-writer.js';

const FIVE_MS = FIVE * MINUTE_MS;
/** 1.9 kB each, so 60 MB at most; a first look at three timeframes reads 14 blocks of each symbol. */
const BLOCKS_KEPT = 32_000;

export interface SeededMarketOptions {
  /** USDT perpetuals that trade; about a quarter as many rows of other kinds come on top. */
  readonly symbols?: number;
  readonly seed?: number;
  /**
   * Epoch ms, 2026-01-01 by default. Listing and delivery dates depend on it, by its UTC day; candles depend on the seed
   * alone. With the clock's time young listings are young.
   */
  readonly now?: number;
}

/** A made-up market: any candle of any symbol at any time from the seed, without history. */
export function seededMarket(options: SeededMarketOptions): Market {
  return new SeededMarket(
    seededListings(options.seed ?? 1, options.symbols ?? 530, options.now ?? Date.UTC(2026, 0, 1)),
  );
}

/** The minutes of one five-minute candle, and where the price stood before it. */
interface SplitFive {
  readonly five: number;
  readonly cells: Float64Array;
  readonly standing: number;
}

class SeededMarket implements Market {
  readonly listings: readonly SeededListing[];
  readonly #bySymbol: ReadonlyMap<string, SeededListing>;
  readonly #blocks = new LRUCache<number, FiveBlock>({ max: BLOCKS_KEPT });
  readonly #writer = new RowWriter();
  readonly #folded = new Float64Array(FOLDED_LENGTH);
  readonly #part = new Float64Array(FOLDED_LENGTH);
  /** The minutes last asked for, one candle per symbol: whoever asks for a forming candle asks again soon. */
  readonly #splits = new Map<SeededListing, SplitFive>();

  constructor(listings: readonly SeededListing[]) {
    this.listings = listings;
    this.#bySymbol = new Map(listings.map((listing) => [listing.symbol, listing]));
  }

  find(symbol: string): SeededListing | undefined {
    return this.#bySymbol.get(symbol);
  }

  page(listing: Listing, interval: Interval, window: KlineWindow, now: number): KlinePage {
    const own = this.#own(listing);
    const newest = candleIndex(interval, now);
    const { from, to } = selectIndexes(interval, window, candleIndex(interval, own.onboardDate), newest);
    const lastClosed = Math.min(to, newest - 1);
    return {
      closedKey: from > lastClosed ? null : `${own.symbol}|${interval}|${from}|${lastClosed}`,
      closedRows: () => this.#rows(own, interval, from, lastClosed),
      forming: to === newest && from <= to ? this.kline(own, interval, candleOpenTime(interval, newest), now) : null,
    };
  }

  kline(listing: Listing, interval: Interval, openTime: number, now: number): Kline | null {
    const own = this.#own(listing);
    const index = candleIndex(interval, openTime);
    const end = candleOpenTime(interval, index + 1);
    const from = Math.max(openTime, own.onboardDate);
    if (openTime > now || end <= own.onboardDate || now < own.onboardDate) return null;
    this.#fold(own, from, Math.min(now, end));
    return this.#print(own, openTime, end - 1);
  }

  span(listing: Listing, from: number, now: number): Kline | null {
    const own = this.#own(listing);
    const start = Math.floor(Math.max(from, own.onboardDate) / MINUTE_MS) * MINUTE_MS;
    if (start > now) return null;
    this.#fold(own, start, now);
    return this.#print(own, start, now);
  }

  #own(listing: Listing): SeededListing {
    const own = this.#bySymbol.get(listing.symbol);
    if (own === undefined) throw new RangeError(`${listing.symbol} is not listed in this market`);
    return own;
  }

  #rows(listing: SeededListing, interval: Interval, from: number, to: number): Uint8Array {
    const { format, walk } = listing;
    const blockOf = this.#blockReader(listing);
    const split = intervalMs(interval) < FIVE_MS;
    this.#writer.begin(to - from + 1);
    let end = candleOpenTime(interval, to + 1);
    for (let index = to; index >= from; index--) {
      const openTime = candleOpenTime(interval, index);
      const first = Math.max(openTime / FIVE_MS, walk.fromFive);
      if (split) this.#fold(listing, openTime, end);
      else foldFives(blockOf, walk.lotsShift, first, end / FIVE_MS, this.#folded);
      this.#writer.row(openTime, end - 1, this.#folded, format);
      end = openTime;
    }
    return this.#writer.written();
  }

  /** Folds [`from`, `to`), epoch ms, into `#folded`; `from` lies on a minute, `to` anywhere from there on. */
  #fold(listing: SeededListing, from: number, to: number): void {
    this.#folded.fill(0);
    const first = Math.ceil(from / FIVE_MS);
    const last = Math.floor(to / FIVE_MS);
    if (first > last) {
      this.#addMinutes(listing, from, to);
      return;
    }
    if (from < first * FIVE_MS) this.#addMinutes(listing, from, first * FIVE_MS);
    if (first < last) {
      foldFives(this.#blockReader(listing), listing.walk.lotsShift, first, last, this.#part);
      addFolded(this.#part, 0, this.#folded);
    }
    if (to > last * FIVE_MS || from === to) this.#addMinutes(listing, last * FIVE_MS, to);
  }

  /** Adds [`from`, `to`), which lies within one candle of five minutes, the last minute as far as it has come. */
  #addMinutes(listing: SeededListing, from: number, to: number): void {
    const five = Math.floor(from / FIVE_MS);
    const opened = five * FIVE_MS;
    const { cells, standing } = this.#minutesOf(listing, five);
    const first = (from - opened) / MINUTE_MS;
    const last = Math.max(first, Math.ceil((to - opened) / MINUTE_MS) - 1);
    for (let minute = first; minute <= last; minute++) {
      const elapsedMs = to - opened - minute * MINUTE_MS;
      const at = minute * FOLDED_LENGTH;
      if (elapsedMs >= MINUTE_MS) {
        addFolded(cells, at, this.#folded);
        continue;
      }
      const before = minute === 0 ? standing : (cells[at - FOLDED_LENGTH + CLOSE] as number);
      addFolded(partialMinute(cells, at, elapsedMs, before), 0, this.#folded);
    }
  }

  #minutesOf(listing: SeededListing, five: number): SplitFive {
    const held = this.#splits.get(listing);
    if (held?.five === five) return held;
    const { walk } = listing;
    const blockOf = this.#blockReader(listing);
    const whole = new Float64Array(FOLDED_LENGTH);
    foldFives(blockOf, walk.lotsShift, five, five + 1, whole);
    const standing = standingPrice(blockOf(Math.floor(five / BLOCK_FIVES)), five % BLOCK_FIVES);
    const split = { five, standing, cells: splitFive(walk, five, whole, standing) };
    this.#splits.set(listing, split);
    return split;
  }

  /** Neighbouring candles lie in the same block, so the last one is remembered beside the cache. */
  #blockReader(listing: SeededListing): (block: number) => FiveBlock {
    const { index, walk } = listing;
    let last = Number.NaN;
    let lastBlock: FiveBlock | undefined;
    return (block) => {
      if (block === last && lastBlock !== undefined) return lastBlock;
      const key = index * 2 ** 20 + block;
      lastBlock = this.#blocks.get(key) ?? generateBlock(walk, block);
      if (!this.#blocks.has(key)) this.#blocks.set(key, lastBlock);
      last = block;
      return lastBlock;
    };
  }

  #print(listing: SeededListing, openTime: number, closeTime: number): Kline {
    const { price, quantity, quote } = listing.format;
    const text = (slot: number, format: typeof price) => this.#writer.text(this.#folded[slot] as number, format);
    return {
      openTime,
      closeTime,
      open: text(OPEN, price),
      high: text(HIGH, price),
      low: text(LOW, price),
      close: text(CLOSE, price),
      volume: text(LOTS, quantity),
      quoteVolume: text(QUOTE, quote),
      trades: this.#folded[TRADES] as number,
      takerBase: text(TAKER_LOTS, quantity),
      takerQuote: text(TAKER_QUOTE, quote),
    };
  }
}

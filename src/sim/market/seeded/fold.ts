import { BLOCK_FIVES, CLOSE_AT, FIVE, type FiveBlock, HIGH_AT, LEAST_TRADES, LOTS_AT, LOW_AT } from './fives.js';

/** Slots of a folded candle. Prices in ticks, volumes in lots, quote volumes in ticks * lots: all integers below 2^53. */
export const OPEN = 0;
export const HIGH = 1;
export const LOW = 2;
export const CLOSE = 3;
export const LOTS = 4;
export const QUOTE = 5;
export const TRADES = 6;
export const TAKER_LOTS = 7;
export const TAKER_QUOTE = 8;
export const FOLDED_LENGTH = 9;

/**
 * Folds the five-minute candles `[from, to)` (numbers since the epoch) into `out`, exactly as the exchange builds a longer
 * candle: one without volume carries the previous close and is ignored, unless none has volume.
 */
export function foldFives(
  blockOf: (block: number) => FiveBlock,
  lotsShift: number,
  from: number,
  to: number,
  out: Float64Array,
): void {
  let open = 0;
  let high = 0;
  let low = 0;
  let close = 0;
  let lots = 0;
  let quote = 0;
  let trades = 0;
  let takerLots = 0;
  let takerQuote = 0;
  for (let five = from; five < to; ) {
    const block = Math.floor(five / BLOCK_FIVES);
    const fives = blockOf(block);
    const first = five - block * BLOCK_FIVES;
    const end = Math.min(BLOCK_FIVES, first + to - five);
    for (let index = first; index < end; index++) {
      const traded = fives[LOTS_AT + index] as number;
      if (traded === 0) {
        // Flat: before the first trade it shows where the price stands, after it changes nothing.
        if (lots === 0) open = high = low = close = fives[CLOSE_AT + index] as number;
        continue;
      }
      const fiveOpen = fives[index] as number;
      const fiveHigh = fives[HIGH_AT + index] as number;
      const fiveLow = fives[LOW_AT + index] as number;
      close = fives[CLOSE_AT + index] as number;
      if (lots === 0) {
        open = fiveOpen;
        high = fiveHigh;
        low = fiveLow;
      } else {
        if (fiveHigh > high) high = fiveHigh;
        if (fiveLow < low) low = fiveLow;
      }
      const mean = (fiveOpen + fiveHigh + fiveLow + close) >> 2;
      const taken = takerLotsOf(traded, close >= fiveOpen);
      lots += traded;
      quote += traded * mean;
      trades += tradesOf(traded, lotsShift);
      takerLots += taken;
      takerQuote += taken * mean;
    }
    five += end - first;
  }
  out[OPEN] = open;
  out[HIGH] = high;
  out[LOW] = low;
  out[CLOSE] = close;
  out[LOTS] = lots;
  out[QUOTE] = quote;
  out[TRADES] = trades;
  out[TAKER_LOTS] = takerLots;
  out[TAKER_QUOTE] = takerQuote;
}

/** Buyers take 3/8 to 1/2 of a falling candle and 1/2 to 5/8 of a rising one; the low bits of the lots serve as noise. */
function takerLotsOf(lots: number, rising: boolean): number {
  return Math.floor(lots * ((rising ? 128 : 96) + (lots & 31)) * 2 ** -8);
}

/** At most `lots`, because a candle that trades has a lot for each of its least trades. */
function tradesOf(lots: number, lotsShift: number): number {
  return LEAST_TRADES * FIVE + ((lots - LEAST_TRADES * FIVE) >> lotsShift);
}

/** Adds the candle at `cells[at...]` to the earlier ones folded in `out`, by the same rule. */
export function addFolded(cells: Float64Array, at: number, out: Float64Array): void {
  const lots = cells[at + LOTS] as number;
  if (out[LOTS] === 0) {
    for (let column = OPEN; column <= CLOSE; column++) out[column] = cells[at + column] as number;
  } else if (lots > 0) {
    out[HIGH] = Math.max(out[HIGH] as number, cells[at + HIGH] as number);
    out[LOW] = Math.min(out[LOW] as number, cells[at + LOW] as number);
    out[CLOSE] = cells[at + CLOSE] as number;
  }
  for (let column = LOTS; column < FOLDED_LENGTH; column++) {
    out[column] = (out[column] as number) + (cells[at + column] as number);
  }
}

/** Where the price stands before a candle's first trade: at the previous close, or at the open of a block's first candle. */
export function standingPrice(fives: FiveBlock, index: number): number {
  return fives[index > 0 ? CLOSE_AT + index - 1 : 0] as number;
}

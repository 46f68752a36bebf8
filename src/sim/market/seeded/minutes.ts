import { FIVE, LEAST_TRADES, type Walk } from './fives.js';
import { CLOSE, FOLDED_LENGTH, HIGH, LOTS, LOW, OPEN, QUOTE, TAKER_LOTS, TAKER_QUOTE, TRADES } from './fold.js';
import { hash, unit } from './hash.js';

export const MINUTE_MS = 60_000;
/** Doublings that make any minute with a few hundred lots to spare outweigh the others. */
const MOST_ATTEMPTS = 12;

interface MinuteCandle {
  readonly open: number;
  readonly close: number;
  high: number;
  low: number;
}

/**
 * The minutes of one five-minute candle, in the layout of `fold.ts`, one after the other. Folded, they give `five` again:
 * the price walks from its open to its close between its extremes and touches both, and every volume is shared out to the
 * last unit. Minutes of a quiet symbol may have no trade and stand at the previous close; `standing` is that of the first.
 */
export function splitFive(walk: Walk, number: number, five: Float64Array, standing: number): Float64Array {
  const cells = new Float64Array(FIVE * FOLDED_LENGTH);
  const active = activeMinutes(walk, number, five[LOTS] as number);
  const candles = walkMinutes(hash(walk.seed, 7), number * FIVE, active.length, five);
  const volumes = shareVolumes(hash(walk.seed, 8), number * FIVE, candles, five);
  let carried = standing;
  for (let minute = 0, next = 0; minute < FIVE; minute++) {
    const at = minute * FOLDED_LENGTH;
    const candle = candles[next];
    if (candle === undefined || active[next] !== minute) {
      cells.fill(carried, at + OPEN, at + CLOSE + 1);
      continue;
    }
    const { open, high, low, close } = candle;
    cells.set([open, high, low, close, ...volumes.map((column) => column[next] as number)], at);
    carried = close;
    next++;
  }
  return cells;
}

/** Which minutes have trades: all, none, or some but at least one. */
function activeMinutes({ quiet, seed }: Walk, number: number, lots: number): number[] {
  if (lots === 0) return [];
  const minutes = [0, 1, 2, 3, 4];
  if (quiet === 0) return minutes;
  const own = hash(seed, 9);
  const active = minutes.filter((minute) => unit(own, number * FIVE + minute) >= quiet);
  return active.length > 0 ? active : [(hash(own, number) >>> 0) % FIVE];
}

function walkMinutes(seed: number, place: number, count: number, five: Float64Array): MinuteCandle[] {
  const [open, high, low, close] = [five[OPEN], five[HIGH], five[LOW], five[CLOSE]] as [number, number, number, number];
  const borders = Array.from({ length: count + 1 }, (_, index) => {
    if (index === 0) return open;
    if (index === count) return close;
    const straight = open + ((close - open) * index) / count;
    const offset = (unit(seed, place + index) - 0.5) * 0.8 * (high - low);
    return Math.round(Math.min(high, Math.max(low, straight + offset)));
  });
  const candles = Array.from({ length: count }, (_, index) => {
    const [from, to] = [borders[index], borders[index + 1]] as [number, number];
    const [top, bottom] = [Math.max(from, to), Math.min(from, to)];
    const bits = hash(seed ^ 0x5bd1e995, place + index);
    const [up, down] = [(bits >>> 8) & 255, (bits >>> 16) & 255];
    return {
      open: from,
      close: to,
      high: top + Math.floor(((high - top) * up * up) / 2 ** 18),
      low: bottom - Math.floor(((bottom - low) * down * down) / 2 ** 18),
    };
  });
  touchExtremes(candles, high, low);
  return candles;
}

/** The minute that comes nearest to an extreme of the five minutes is the one that makes it. */
function touchExtremes(candles: readonly MinuteCandle[], high: number, low: number): void {
  const [first, ...others] = candles;
  if (first === undefined) return;
  let [highest, lowest] = [first, first];
  for (const candle of others) {
    if (candle.high > highest.high) highest = candle;
    if (candle.low < lowest.low) lowest = candle;
  }
  highest.high = high;
  lowest.low = low;
}

/** Columns from lots to taker quote, a value per minute: each column adds up to that of the five minutes. */
function shareVolumes(seed: number, place: number, candles: readonly MinuteCandle[], five: Float64Array): number[][] {
  const range = (five[HIGH] as number) - (five[LOW] as number) + 1;
  const weights = candles.map(
    ({ high, low }, index) => (0.2 + unit(seed, place + index)) * (0.3 + (high - low) / range),
  );
  const { lots, quote } = shareLots(candles, weights, five[LOTS] as number, five[QUOTE] as number);
  const spare = lots.map((count) => count - LEAST_TRADES);
  const trades = withLeast((five[TRADES] as number) - LEAST_TRADES * candles.length, spare);
  const takerLots = apportion(five[TAKER_LOTS] as number, lots);
  return [lots, quote, trades, takerLots, apportion(five[TAKER_QUOTE] as number, quote)];
}

/**
 * Lots by weight, and the quote volume from each minute's mean price, moved towards one of its extremes until all add up; so
 * each minute's average price stays within its range. Where the ranges leave too little room, the minute that reaches
 * furthest to the missing side gets more lots.
 */
function shareLots(candles: readonly MinuteCandle[], weights: readonly number[], allLots: number, allQuote: number) {
  const shares = [...weights];
  for (let attempt = 1; ; attempt++) {
    const lots = withLeast(allLots - LEAST_TRADES * candles.length, shares);
    const means = candles.map(
      ({ open, high, low, close }, index) => at(lots, index) * ((open + high + low + close) >> 2),
    );
    const missing = allQuote - total(means);
    const rising = missing > 0;
    const rooms = candles.map(({ high, low }, index) =>
      Math.abs((rising ? high : low) * at(lots, index) - at(means, index)),
    );
    if (Math.abs(missing) <= total(rooms) || attempt === MOST_ATTEMPTS) {
      const moves = apportion(Math.abs(missing), rooms);
      return { lots, quote: means.map((quote, index) => quote + Math.sign(missing) * at(moves, index)) };
    }
    const reaches = candles.map(({ high, low }) => (rising ? high : -low));
    const furthest = reaches.indexOf(Math.max(...reaches));
    shares[furthest] = at(shares, furthest) * 2;
  }
}

function withLeast(spare: number, weights: readonly number[]): number[] {
  return apportion(spare, weights).map((share) => share + LEAST_TRADES);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function at(values: readonly number[], index: number): number {
  return values[index] as number;
}

/** Shares out an integer in proportion to the weights: rounds the running sum, so that the parts add up exactly. */
function apportion(amount: number, weights: readonly number[]): number[] {
  const sum = total(weights);
  let [running, given] = [0, 0];
  return weights.map((weight, index) => {
    running += weight;
    const upTo = index === weights.length - 1 ? amount : Math.floor(amount * (sum === 0 ? 0 : running / sum));
    const part = upTo - given;
    given = upTo;
    return part;
  });
}

/**
 * What has traded in the first `elapsedMs` of the minute at `cells[at...]`, in the same layout. Its trades are spread
 * evenly; the price goes from the open to the extreme against the minute's direction, to the other one, to the close. So
 * highs only rise, lows only fall and volumes only grow until the minute is whole. Before the first trade the price stands at
 * `standing`.
 */
export function partialMinute(cells: Float64Array, at: number, elapsedMs: number, standing: number): Float64Array {
  const part = new Float64Array(FOLDED_LENGTH);
  const trades = cells[at + TRADES] as number;
  const done = Math.floor((trades * elapsedMs) / MINUTE_MS);
  if (done === 0) return part.fill(standing, OPEN, CLOSE + 1);
  const corner = (column: number) => cells[at + column] as number;
  const { last, high, low } = pricePath(corner(OPEN), corner(HIGH), corner(LOW), corner(CLOSE), trades, done);
  const share = done / trades;
  const lots = Math.max(done, Math.floor(corner(LOTS) * share));
  const [quote, takerLots, takerQuote] = [QUOTE, TAKER_LOTS, TAKER_QUOTE].map((column) =>
    Math.floor(corner(column) * share),
  );
  part.set([corner(OPEN), high, low, last, lots, quote ?? 0, done, takerLots ?? 0, takerQuote ?? 0]);
  return part;
}

/** The last price and the extremes so far after `done` of at least 4 trades. */
function pricePath(open: number, high: number, low: number, close: number, trades: number, done: number) {
  const rising = close >= open;
  const corners: [trade: number, price: number][] = [
    [1, open],
    [1 + Math.floor((trades - 1) / 3), rising ? low : high],
    [1 + Math.floor((2 * (trades - 1)) / 3), rising ? high : low],
    [trades, close],
  ];
  const seen = corners.filter(([trade]) => trade <= done).map(([, price]) => price);
  const next = corners[seen.length];
  const before = corners[seen.length - 1] as [number, number];
  const share = next === undefined ? 0 : (done - before[0]) / (next[0] - before[0]);
  const last = next === undefined ? close : Math.round(before[1] + (next[1] - before[1]) * share);
  return { last, high: Math.max(...seen, last), low: Math.min(...seen, last) };
}

import { hash, unit } from './hash.js';

/** Minutes of the candles that everything longer is folded from; shorter ones are split from them. */
export const FIVE = 5;
/** Candles are made in blocks of eight hours. */
export const BLOCK_FIVES = 96;
/** The coarse path is computed every 8 candles and bisected in between; a block holds a whole number of cells. */
const CELL_FIVES = 8;
const CELL_SHIFT = 3;
const BLOCK_CELLS = BLOCK_FIVES / CELL_FIVES;
/** Octaves of the coarse path: periods of 80 minutes to 57 days. */
const OCTAVES = 11;
/** Every candle that trades has at least 4 trades in each of its minutes, one for each corner of a minute's candle. */
export const LEAST_TRADES = 4;

/** Scratch space of the block being computed: the price in ticks at each candle's start and at the block's end, */
const PATH = new Float64Array(BLOCK_FIVES + 1);
/** its logarithm relative to the base price at each cell's start, */
const COARSE = new Float64Array(BLOCK_CELLS + 1);
/** and how agitated each cell is; 1 is normal. */
const VOLATILITY = new Float64Array(BLOCK_CELLS + 1);

/** What the walk of one symbol needs to know. Prices are integer ticks, volumes integer lots. */
export interface Walk {
  readonly seed: number;
  readonly baseTicks: number;
  /** Typical lots of an active minute. */
  readonly baseLots: number;
  /** A trade has about 2^lotsShift lots. */
  readonly lotsShift: number;
  /** Standard deviation of the price in one minute, as a share of it. */
  readonly sigma: number;
  /** Share of the time in which nobody trades. */
  readonly quiet: number;
  /** First and one past the last candle (number since the epoch) with trades; outside of them the price stands still. */
  readonly fromFive: number;
  readonly untilFive: number;
}

/**
 * One block of a symbol: five columns of `BLOCK_FIVES` integers (ticks, ticks, ticks, ticks, lots), each at its offset.
 * A candle without a trade has 0 lots and stands at the previous close.
 */
export type FiveBlock = Int32Array;
export const HIGH_AT = 1 * BLOCK_FIVES;
export const LOW_AT = 2 * BLOCK_FIVES;
export const CLOSE_AT = 3 * BLOCK_FIVES;
export const LOTS_AT = 4 * BLOCK_FIVES;

/**
 * The five-minute candles of one block. The path is Brownian by construction: octaves of value noise, each hashed from
 * (seed, place) and weighted by the root of its period, are summed on a coarse grid, and midpoint displacement fills the
 * grid. Nothing depends on what was computed before, except that quiet candles repeat the previous close; so the last candle
 * of a block always has a trade, and a block can be computed without the one before.
 */
export function generateBlock(walk: Walk, block: number): FiveBlock {
  computePath(walk, block);
  const fives = new Int32Array(5 * BLOCK_FIVES);
  trade(walk, block, fives);
  const first = block * BLOCK_FIVES;
  const listed = walk.fromFive < first && walk.untilFive >= first + BLOCK_FIVES;
  if (walk.quiet > 0 || !listed) silence(walk, block, fives);
  return fives;
}

const MOST_LOTS = 2 ** 30;

/** Fills a block as if every candle had trades. */
function trade(walk: Walk, block: number, fives: FiveBlock): void {
  const first = block * BLOCK_FIVES;
  const seed = hash(walk.seed, 5);
  const wick = walk.sigma * Math.sqrt(FIVE) * 1.4;
  const least = LEAST_TRADES * FIVE;
  const usual = walk.baseLots * FIVE;
  let to = ((PATH[0] as number) + 0.5) | 0;
  for (let index = 0; index < BLOCK_FIVES; index++) {
    const bits = hash(seed, first + index);
    const from = to;
    to = ((PATH[index + 1] as number) + 0.5) | 0;
    const agitation = VOLATILITY[index >> CELL_SHIFT] as number;
    const reach = wick * agitation * from;
    const up = (bits >>> 8) & 255;
    const down = (bits >>> 16) & 255;
    const top = from > to ? from : to;
    const bottom = from > to ? to : from;
    fives[index] = from;
    fives[CLOSE_AT + index] = to;
    fives[HIGH_AT + index] = top + ((reach * (up * up) * 2 ** -16) | 0);
    fives[LOW_AT + index] = Math.max(1, bottom - ((reach * (down * down) * 2 ** -16) | 0));
    // One candle in 128 is a spike.
    const share = ((bits >>> 25) + 1) * 2 ** -7;
    const typical = usual * agitation * agitation * (share === 1 ? 9 : 1);
    const lots = typical * (0.15 + share * share) * (0.5 + (top - bottom) / (reach + 1));
    // A spike in a storm may be thousands of times the usual volume; it must fit into its column.
    fives[LOTS_AT + index] = least + (Math.min(lots, MOST_LOTS) | 0);
  }
}

/** Takes the trades out of the candles in which nobody trades; they stand at the previous close. */
function silence(walk: Walk, block: number, fives: FiveBlock): void {
  const { fromFive, untilFive, quiet } = walk;
  const first = block * BLOCK_FIVES;
  const seed = hash(walk.seed, 6);
  const calm = calmCells(walk, block);
  let carried = first >= untilFive ? closeBefore(walk, untilFive) : (fives[0] as number);
  for (let index = 0; index < BLOCK_FIVES; index++) {
    const five = first + index;
    const edge = index === BLOCK_FIVES - 1 || five === fromFive || five === untilFive - 1;
    const outside = five < fromFive || five >= untilFive;
    if (!outside && (edge || (calm[index >> CELL_SHIFT] === 0 && unit(seed, five) >= quiet))) {
      carried = fives[CLOSE_AT + index] as number;
      continue;
    }
    fives[index] = fives[HIGH_AT + index] = fives[LOW_AT + index] = fives[CLOSE_AT + index] = carried;
    fives[LOTS_AT + index] = 0;
  }
}

/** The last price before a candle: where the path is at its start. Leaves another block's path in the scratch space. */
function closeBefore(walk: Walk, five: number): number {
  const block = Math.floor((five - 1) / BLOCK_FIVES);
  computePath(walk, block);
  return ((PATH[five - block * BLOCK_FIVES] as number) + 0.5) | 0;
}

/** Fills `PATH` and `VOLATILITY` for a block. */
function computePath(walk: Walk, block: number): void {
  const firstCell = block * BLOCK_CELLS;
  computeVolatility(walk.seed, firstCell);
  computeCoarsePath(walk, firstCell);
  for (let cell = 0; cell <= BLOCK_CELLS; cell++) {
    PATH[cell * CELL_FIVES] = walk.baseTicks * Math.exp(COARSE[cell] as number);
  }
  for (let step = CELL_FIVES / 2; step >= 1; step /= 2) displace(walk, block, step);
}

/** Puts a point in the middle of every gap of `2 * step` candles, off the straight line by as much as a walk would be. */
function displace(walk: Walk, block: number, step: number): void {
  const seed = hash(walk.seed, 100 + step);
  // A Brownian bridge over L minutes has the deviation sigma * sqrt(L) / 2 in its middle; sqrt(3) makes it that of a uniform.
  const reach = (walk.sigma * Math.sqrt(2 * step * FIVE) * 0.5 * Math.sqrt(3)) / 2 ** 31;
  const first = block * BLOCK_FIVES;
  for (let index = step; index < BLOCK_FIVES; index += 2 * step) {
    const middle = ((PATH[index - step] as number) + (PATH[index + step] as number)) * 0.5;
    PATH[index] = middle + middle * hash(seed, first + index) * reach * (VOLATILITY[index >> CELL_SHIFT] as number);
  }
}

/** Log price relative to the base at each cell's start: octaves of value noise, the three quickest scaled by volatility. */
function computeCoarsePath(walk: Walk, firstCell: number): void {
  COARSE.fill(0);
  for (let octave = 1; octave <= OCTAVES; octave++) {
    const seed = hash(walk.seed, 200 + octave);
    const period = 2 ** octave;
    const weight = (walk.sigma * Math.sqrt(CELL_FIVES * FIVE * period) * 0.6) / 2 ** 31;
    let knot = firstCell >> octave;
    let from = hash(seed, knot) * weight;
    let rise = (hash(seed, knot + 1) * weight - from) / period;
    for (let cell = 0; cell <= BLOCK_CELLS; cell++) {
      const place = firstCell + cell;
      if (place >> octave !== knot) {
        knot = place >> octave;
        from = hash(seed, knot) * weight;
        rise = (hash(seed, knot + 1) * weight - from) / period;
      }
      const noise = from + rise * (place & (period - 1));
      COARSE[cell] = (COARSE[cell] as number) + (octave <= 3 ? noise * (VOLATILITY[cell] as number) : noise);
    }
  }
}

/** Slow swings between calm and lively by noise of five hours, and bursts of 80 minutes in about one window of thirty. */
function computeVolatility(seed: number, firstCell: number): void {
  const swingSeed = hash(seed, 300);
  const burstSeed = hash(seed, 301);
  for (let cell = 0; cell <= BLOCK_CELLS; cell++) {
    const place = firstCell + cell;
    const swing = 0.45 + 1.1 * unit(swingSeed, place >> 3);
    VOLATILITY[cell] = unit(burstSeed, place >> 1) < 0.034 ? swing * 3.5 : swing;
  }
}

/** Cells in which a quiet symbol does not trade at all: some single ones and some spells of hours. */
function calmCells(walk: Walk, block: number): Uint8Array {
  const cells = new Uint8Array(BLOCK_CELLS);
  const seed = hash(walk.seed, 400);
  for (let cell = 0; cell < BLOCK_CELLS; cell++) {
    const place = block * BLOCK_CELLS + cell;
    const spell = unit(seed, (place >> 2) + 0x4000_0000) < walk.quiet * 0.15;
    if (spell || unit(seed, place) < walk.quiet * 0.3) cells[cell] = 1;
  }
  return cells;
}

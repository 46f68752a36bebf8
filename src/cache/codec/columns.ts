import type { Slab } from '../../domain/series.js';
import { type ByteReader, type ByteWriter, MalformedBytes } from './bytes.js';

/** In place of a number of decimals: the column follows as plain Float64. */
const RAW = 255;
const MAX_DECIMALS = 12;
const POWERS = Array.from({ length: MAX_DECIMALS + 1 }, (_, decimals) => 10 ** decimals);
/**
 * Scaled values stay below this, so that the rounding of a value to binary and of its product with the power of ten
 * (each at most an eighth) never reaches another integer, and the zigzag of a difference of two stays exact.
 */
const MAX_SCALED = 2 ** 50;
/** The zigzag of a difference of two scaled values is below 2^52. */
const MAX_WIDTH = 7;

/** Columns of a slab, by their place in it. */
const [OPEN, HIGH, LOW, CLOSE, VOLUME] = [1, 2, 3, 4, 5];
/** Widths whose values fit into 32 bits with their sign. */
const SMALL_WIDTH = 3;

/** The rows of a slab that are written. */
export interface Rows extends Pick<Slab, 'rows' | 'capacity'> {
  readonly start: number;
  readonly count: number;
}

/**
 * Fewest decimals with which every value is a decimal number that parses back to exactly the same double, or null when
 * there is none (too many digits, -0).
 */
export function commonDecimals(columns: readonly Float64Array[]): number | null {
  let decimals = 0;
  let largest = 0;
  for (const column of columns) {
    for (let index = 0; index < column.length; index++) {
      const value = column[index] as number;
      if (Object.is(value, -0)) return null;
      largest = Math.max(largest, Math.abs(value));
      // Both operands of the division are exact integers, so its result is the double nearest to that decimal.
      while (Math.round(value * (POWERS[decimals] as number)) / (POWERS[decimals] as number) !== value) {
        decimals += 1;
        if (decimals > MAX_DECIMALS) return null;
      }
    }
  }
  return largest * (POWERS[decimals] as number) < MAX_SCALED ? decimals : null;
}

/**
 * Prices as steps along the path a market takes: open from the previous close, close from open, and how far high and
 * low stick out of the body. Nearly all are a few ticks wide, whatever the price is.
 */
export function writePrices(writer: ByteWriter, written: Rows): void {
  const { rows, capacity, start, count } = written;
  const decimals = commonDecimals([OPEN, HIGH, LOW, CLOSE].map((column) => columnOf(written, column)));
  writer.u8(decimals ?? RAW);
  if (decimals === null) {
    for (const column of [OPEN, HIGH, LOW, CLOSE]) writeRaw(writer, columnOf(written, column));
    return;
  }
  const power = POWERS[decimals] as number;
  const steps = new Float64Array(4 * count);
  const first = Math.round((rows[OPEN * capacity + start] ?? 0) * power);
  let previous = first;
  for (let index = 0; index < count; index++) {
    const at = start + index;
    const o = Math.round((rows[OPEN * capacity + at] as number) * power);
    const c = Math.round((rows[CLOSE * capacity + at] as number) * power);
    steps[index] = o - previous;
    steps[count + index] = c - o;
    steps[2 * count + index] = Math.round((rows[HIGH * capacity + at] as number) * power) - Math.max(o, c);
    steps[3 * count + index] = Math.min(o, c) - Math.round((rows[LOW * capacity + at] as number) * power);
    previous = c;
  }
  writer.f64(first);
  for (let column = 0; column < 4; column++) writeIntegers(writer, steps, column * count, count);
}

/** Fills the first `count` rows of the four price columns. */
export function readPrices(
  reader: ByteReader,
  { rows, capacity }: Pick<Slab, 'rows' | 'capacity'>,
  count: number,
): void {
  const power = readPower(reader);
  if (power === null) {
    for (const column of [OPEN, HIGH, LOW, CLOSE]) readRaw(reader, rows, column * capacity, count);
    return;
  }
  let previous = reader.f64();
  for (const column of [OPEN, CLOSE, HIGH, LOW]) readIntegers(reader, rows, column * capacity, count);
  for (let index = 0; index < count; index++) {
    const o = previous + (rows[OPEN * capacity + index] as number);
    const body = rows[CLOSE * capacity + index] as number;
    const c = o + body;
    rows[OPEN * capacity + index] = o / power;
    rows[CLOSE * capacity + index] = c / power;
    // Up to max(o, c) and down to min(o, c); whether a candle rises is a coin toss that no branch predictor wins.
    const high = HIGH * capacity + index;
    const low = LOW * capacity + index;
    rows[high] = (o + (body + Math.abs(body)) / 2 + (rows[high] as number)) / power;
    rows[low] = (o + (body - Math.abs(body)) / 2 - (rows[low] as number)) / power;
    previous = c;
  }
}

export function writeVolumes(writer: ByteWriter, written: Rows): void {
  const volume = columnOf(written, VOLUME);
  const decimals = commonDecimals([volume]);
  writer.u8(decimals ?? RAW);
  if (decimals === null) return writeRaw(writer, volume);
  const power = POWERS[decimals] as number;
  const scaled = new Float64Array(volume.length);
  for (let index = 0; index < volume.length; index++) scaled[index] = Math.round((volume[index] as number) * power);
  writeIntegers(writer, scaled, 0, scaled.length);
}

/** Fills the first `count` rows of the volume column. */
export function readVolumes(
  reader: ByteReader,
  { rows, capacity }: Pick<Slab, 'rows' | 'capacity'>,
  count: number,
): void {
  const power = readPower(reader);
  const first = VOLUME * capacity;
  if (power === null) return readRaw(reader, rows, first, count);
  readIntegers(reader, rows, first, count);
  for (let at = first; at < first + count; at++) rows[at] = (rows[at] as number) / power;
}

function columnOf({ rows, capacity, start, count }: Rows, column: number): Float64Array {
  return rows.subarray(column * capacity + start, column * capacity + start + count);
}

/**
 * Zigzag, then byte shuffle: all lowest bytes, all second bytes… with as many bytes per value as the largest needs.
 * The higher bytes are nearly all zero, and gzip finds them side by side. Uses `values` up.
 */
function writeIntegers(writer: ByteWriter, values: Float64Array, from: number, count: number): void {
  let largest = 0;
  for (let index = from; index < from + count; index++) {
    const value = values[index] as number;
    const folded = value < 0 ? -2 * value - 1 : 2 * value;
    values[index] = folded;
    if (folded > largest) largest = folded;
  }
  let width = 0;
  while (2 ** (8 * width) <= largest) width += 1;
  writer.u8(width);
  const planes = writer.reserve(width * count);
  for (let plane = 0; plane < width; plane++) {
    const unit = plane < 4 ? 1 : 2 ** 32;
    const shift = (plane % 4) * 8;
    // The shift keeps its operand modulo 2^32, and storing into a byte keeps that modulo 256.
    for (let index = 0; index < count; index++) {
      planes[plane * count + index] = ((values[from + index] as number) / unit) >>> shift;
    }
  }
}

function readIntegers(reader: ByteReader, values: Float64Array, from: number, count: number): void {
  const width = reader.u8();
  if (width > MAX_WIDTH) throw new MalformedBytes(`integers of ${width} bytes, at most ${MAX_WIDTH} allowed`);
  const planes = reader.take(width * count);
  if (width <= SMALL_WIDTH) return unfoldSmall(planes, width, values, from, count);
  for (let index = 0; index < count; index++) {
    let folded = 0;
    for (let plane = width - 1; plane >= 0; plane--) folded = folded * 256 + (planes[plane * count + index] as number);
    const half = Math.floor(folded / 2);
    const odd = folded - 2 * half;
    values[from + index] = half - odd * folded;
  }
}

/** Nearly all values are small, and these take one pass of whole numbers. */
function unfoldSmall(planes: Uint8Array, width: number, values: Float64Array, from: number, count: number): void {
  for (let index = 0; index < count; index++) {
    let folded = width > 0 ? (planes[index] as number) : 0;
    if (width > 1) folded |= (planes[count + index] as number) << 8;
    if (width > 2) folded |= (planes[2 * count + index] as number) << 16;
    values[from + index] = (folded >>> 1) ^ -(folded & 1);
  }
}

function readPower(reader: ByteReader): number | null {
  const decimals = reader.u8();
  if (decimals === RAW) return null;
  const power = POWERS[decimals];
  if (power === undefined) throw new MalformedBytes(`${decimals} decimals, at most ${MAX_DECIMALS} allowed`);
  return power;
}

function writeRaw(writer: ByteWriter, column: Float64Array): void {
  for (const value of column) writer.f64(value);
}

function readRaw(reader: ByteReader, values: Float64Array, from: number, count: number): void {
  for (let index = from; index < from + count; index++) values[index] = reader.f64();
}

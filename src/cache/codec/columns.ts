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

export interface Prices {
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
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
export function writePrices(writer: ByteWriter, { open, high, low, close }: Prices): void {
  const decimals = commonDecimals([open, high, low, close]);
  writer.u8(decimals ?? RAW);
  if (decimals === null) {
    for (const column of [open, high, low, close]) writeRaw(writer, column);
    return;
  }
  const power = POWERS[decimals] as number;
  const count = open.length;
  const steps = new Float64Array(4 * count);
  const first = Math.round((open[0] ?? 0) * power);
  let previous = first;
  for (let index = 0; index < count; index++) {
    const o = Math.round((open[index] as number) * power);
    const c = Math.round((close[index] as number) * power);
    steps[index] = o - previous;
    steps[count + index] = c - o;
    steps[2 * count + index] = Math.round((high[index] as number) * power) - Math.max(o, c);
    steps[3 * count + index] = Math.min(o, c) - Math.round((low[index] as number) * power);
    previous = c;
  }
  writer.f64(first);
  for (let column = 0; column < 4; column++) {
    writeIntegers(writer, steps.subarray(column * count, (column + 1) * count));
  }
}

/** Fills the four columns, which are all as long as what was written. */
export function readPrices(reader: ByteReader, { open, high, low, close }: Prices): void {
  const power = readPower(reader);
  if (power === null) {
    for (const column of [open, high, low, close]) readRaw(reader, column);
    return;
  }
  let previous = reader.f64();
  for (const column of [open, close, high, low]) readIntegers(reader, column);
  for (let index = 0; index < open.length; index++) {
    const o = previous + (open[index] as number);
    const body = close[index] as number;
    const c = o + body;
    open[index] = o / power;
    close[index] = c / power;
    // Up to max(o, c) and down to min(o, c); whether a candle rises is a coin toss that no branch predictor wins.
    high[index] = (o + (body + Math.abs(body)) / 2 + (high[index] as number)) / power;
    low[index] = (o + (body - Math.abs(body)) / 2 - (low[index] as number)) / power;
    previous = c;
  }
}

export function writeVolumes(writer: ByteWriter, volume: Float64Array): void {
  const decimals = commonDecimals([volume]);
  writer.u8(decimals ?? RAW);
  if (decimals === null) return writeRaw(writer, volume);
  const power = POWERS[decimals] as number;
  const scaled = new Float64Array(volume.length);
  for (let index = 0; index < volume.length; index++) scaled[index] = Math.round((volume[index] as number) * power);
  writeIntegers(writer, scaled);
}

export function readVolumes(reader: ByteReader, volume: Float64Array): void {
  const power = readPower(reader);
  if (power === null) return readRaw(reader, volume);
  readIntegers(reader, volume);
  for (let index = 0; index < volume.length; index++) volume[index] = (volume[index] as number) / power;
}

/**
 * Zigzag, then byte shuffle: all lowest bytes, all second bytes… with as many bytes per value as the largest needs.
 * The higher bytes are nearly all zero, and gzip finds them side by side. Uses `values` up.
 */
function writeIntegers(writer: ByteWriter, values: Float64Array): void {
  const count = values.length;
  let largest = 0;
  for (let index = 0; index < count; index++) {
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
      planes[plane * count + index] = ((values[index] as number) / unit) >>> shift;
    }
  }
}

function readIntegers(reader: ByteReader, values: Float64Array): void {
  const count = values.length;
  const width = reader.u8();
  if (width > MAX_WIDTH) throw new MalformedBytes(`integers of ${width} bytes, at most ${MAX_WIDTH} allowed`);
  const planes = reader.take(width * count);
  values.fill(0);
  for (let plane = width - 1; plane >= 0; plane--) {
    for (let index = 0; index < count; index++) {
      values[index] = (values[index] as number) * 256 + (planes[plane * count + index] as number);
    }
  }
  for (let index = 0; index < count; index++) {
    const folded = values[index] as number;
    const half = Math.floor(folded / 2);
    const odd = folded - 2 * half;
    values[index] = half - odd * folded;
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

function readRaw(reader: ByteReader, column: Float64Array): void {
  for (let index = 0; index < column.length; index++) column[index] = reader.f64();
}

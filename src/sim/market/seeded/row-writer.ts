import { type DecimalFormat, writeDecimal, writeInteger } from './decimal-bytes.js';
import { CLOSE, LOTS, OPEN, QUOTE, TAKER_LOTS, TAKER_QUOTE, TRADES } from './fold.js';

/** An upper bound of one row in bytes. */
const ROW_BYTES = 256;
const QUOTE_MARK = 34;
const COMMA = 44;
const OPENING = 91;
const ROW_END = Buffer.from(',"0"]');

export interface RowFormat {
  readonly price: DecimalFormat;
  readonly quantity: DecimalFormat;
  readonly quote: DecimalFormat;
}

/** Writes kline rows as JSON bytes, from the last to the first. One writer is reused for all pages. */
export class RowWriter {
  #bytes = Buffer.allocUnsafe(ROW_BYTES * 64);
  #at = 0;

  /** Makes room for `rows` rows and starts at the end. */
  begin(rows: number): void {
    const size = rows * ROW_BYTES;
    if (this.#bytes.length < size) this.#bytes = Buffer.allocUnsafe(size);
    this.#at = this.#bytes.length;
  }

  /** What has been written; valid until `begin` is called again. */
  written(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  /** Puts a row before those written. `folded` has the layout of `fold.ts`. */
  row(openTime: number, closeTime: number, folded: Float64Array, format: RowFormat): void {
    const bytes = this.#bytes;
    let at = this.#at;
    if (at < bytes.length) bytes[--at] = COMMA;
    for (let index = ROW_END.length - 1; index >= 0; index--) bytes[--at] = ROW_END[index] as number;
    at = writeCell(bytes, at, folded[TAKER_QUOTE] as number, format.quote);
    bytes[--at] = COMMA;
    at = writeCell(bytes, at, folded[TAKER_LOTS] as number, format.quantity);
    bytes[--at] = COMMA;
    at = writeInteger(bytes, at, folded[TRADES] as number, 1);
    bytes[--at] = COMMA;
    at = writeCell(bytes, at, folded[QUOTE] as number, format.quote);
    bytes[--at] = COMMA;
    at = writeInteger(bytes, at, closeTime, 1);
    bytes[--at] = COMMA;
    at = writeCell(bytes, at, folded[LOTS] as number, format.quantity);
    for (let column = CLOSE; column >= OPEN; column--) {
      bytes[--at] = COMMA;
      at = writeCell(bytes, at, folded[column] as number, format.price);
    }
    bytes[--at] = COMMA;
    at = writeInteger(bytes, at, openTime, 1);
    bytes[--at] = OPENING;
    this.#at = at;
  }

  /** One decimal as text. */
  text(value: number, format: DecimalFormat): string {
    const end = this.#bytes.length;
    return this.#bytes.toString('latin1', writeDecimal(this.#bytes, end, value, format), end);
  }
}

function writeCell(bytes: Uint8Array, end: number, value: number, format: DecimalFormat): number {
  bytes[end - 1] = QUOTE_MARK;
  const at = writeDecimal(bytes, end - 1, value, format);
  bytes[at - 1] = QUOTE_MARK;
  return at - 1;
}

import { hash } from 'node:crypto';
import { type SeriesWindow, slabOf } from '../domain/series.js';

/** Open, high, low, close, volume. */
const VALUE_COLUMNS = 5;
const HEX_LENGTH = 32;

/** Rows of a buffer never change, so the digest of a window is kept until a newer window of its buffer is asked for. */
const known = new WeakMap<SharedArrayBuffer, { readonly range: string; readonly digest: string }>();

/** What is digested, copied together: no hash reads shared memory. */
let gathered = new Float64Array(0);

/**
 * SHA-256 (hex, 32 characters) of the candles of a window: symbol, timeframe, first open time, and the five columns of
 * values; a series has no holes, so the other open times follow. Their sources are left out: the same candle from
 * elsewhere gives the same result.
 */
export function windowDigest(window: SeriesWindow): string {
  const { buffer } = window;
  const range = rangeOf(window);
  const held = known.get(buffer);
  if (held?.range === range) return held.digest;
  const digest = computeDigest(window);
  known.set(buffer, { range, digest });
  return digest;
}

/** Takes over the digest that was computed for the same candles in another process. */
export function noteDigest(window: SeriesWindow, digest: string): void {
  known.set(window.buffer, { range: rangeOf(window), digest });
}

/** `windowDigest`, computed whatever is known. */
export function computeDigest({ symbol, timeframe, buffer, capacity, start, length }: SeriesWindow): string {
  const { rows } = slabOf({ buffer, capacity });
  const size = VALUE_COLUMNS * length;
  if (gathered.length < size) gathered = new Float64Array(2 * size);
  for (let column = 0; column < VALUE_COLUMNS; column++) {
    const first = (column + 1) * capacity + start;
    gathered.set(rows.subarray(first, first + length), column * length);
  }
  const values = hash('sha256', gathered.subarray(0, size), 'hex');
  const identity = [symbol, timeframe, length === 0 ? null : rows[start], length, values];
  return hash('sha256', JSON.stringify(identity), 'hex').slice(0, HEX_LENGTH);
}

function rangeOf({ start, length }: SeriesWindow): string {
  return `${start}+${length}`;
}

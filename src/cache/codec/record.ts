import { type SeriesWindow, type Slab, slabOf } from '../../domain/series.js';
import { windowDigest } from '../window-digest.js';
import { ByteReader, ByteWriter, MalformedBytes } from './bytes.js';
import { readPrices, readVolumes, writePrices, writeVolumes } from './columns.js';

/** More rows than any configuration keeps; a count beyond it is damage, not data. */
const MAX_ROWS = 100_000;
const DIGEST_BYTES = 16;

/** What a record says of itself; read without decoding its columns. */
export interface RecordRange {
  /** Epoch ms of the oldest candle. */
  readonly firstOpenTime: number;
  readonly count: number;
  /** `windowDigest` of the candles: 32 hexadecimal digits. */
  readonly digest: string;
}

/**
 * A series window in bytes: symbol, first open time, count, digest, prices, volumes, runs of sources. The rows of a series are
 * contiguous, so the first open time and the timeframe give all others. Decoding gives back exactly the same doubles.
 */
export function encodeRecord(window: SeriesWindow): Uint8Array {
  const { rows, sources, capacity } = slabOf(window);
  const { start, length: count } = window;
  const writer = new ByteWriter(64 + count * 16);
  writer.text(window.symbol);
  writer.f64(count === 0 ? 0 : (rows[start] as number));
  writer.u32(count);
  writer.reserve(DIGEST_BYTES).set(Buffer.from(windowDigest(window), 'hex'));
  writePrices(writer, { rows, capacity, start, count });
  writeVolumes(writer, { rows, capacity, start, count });
  writeRuns(writer, sources.subarray(start, start + count));
  return writer.bytes();
}

/** Throws `MalformedBytes`. */
export function readRecordRange(bytes: Uint8Array): RecordRange {
  const reader = new ByteReader(bytes);
  reader.skipText();
  return readRange(reader);
}

/** Everything but the open times, at the front of the slab's columns. Throws `MalformedBytes`. */
export function decodeRecord(bytes: Uint8Array, slab: Slab): void {
  const reader = new ByteReader(bytes);
  reader.skipText();
  const { count } = readRange(reader);
  if (count > slab.capacity) throw new MalformedBytes(`${count} rows, room for ${slab.capacity}`);
  readPrices(reader, slab, count);
  readVolumes(reader, slab, count);
  readRuns(reader, slab.sources, count);
  if (reader.remaining > 0) throw new MalformedBytes(`${reader.remaining} bytes behind the record`);
}

function readRange(reader: ByteReader): RecordRange {
  const firstOpenTime = reader.f64();
  const count = reader.u32();
  if (count === 0 || count > MAX_ROWS) throw new MalformedBytes(`${count} rows, 1 to ${MAX_ROWS} allowed`);
  const { buffer, byteOffset } = reader.take(DIGEST_BYTES);
  return { firstOpenTime, count, digest: Buffer.from(buffer, byteOffset, DIGEST_BYTES).toString('hex') };
}

function writeRuns(writer: ByteWriter, source: Uint8Array): void {
  for (let start = 0; start < source.length; ) {
    let end = start + 1;
    while (end < source.length && source[end] === source[start]) end += 1;
    writer.u8(source[start] as number);
    writer.u32(end - start);
    start = end;
  }
}

function readRuns(reader: ByteReader, source: Uint8Array, count: number): void {
  for (let start = 0; start < count; ) {
    const code = reader.u8();
    const length = reader.u32();
    if (length === 0 || length > count - start) throw new MalformedBytes(`a run of ${length} sources`);
    source.fill(code, start, start + length);
    start += length;
  }
}

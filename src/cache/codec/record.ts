import { type Columns, columnsOf, type SeriesWindow } from '../../domain/series.js';
import { type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import { ByteReader, ByteWriter, MalformedBytes } from './bytes.js';
import { readPrices, readVolumes, writePrices, writeVolumes } from './columns.js';

/** More rows than any configuration keeps; a count beyond it is damage, not data. */
const MAX_ROWS = 100_000;
const BYTES_PER_ROW = 6 * Float64Array.BYTES_PER_ELEMENT + 1;

/** What a record says of itself; read without decoding its columns. */
export interface RecordHead {
  readonly symbol: string;
  /** Epoch ms of the oldest candle. */
  readonly firstOpenTime: number;
  readonly count: number;
}

/**
 * A series window in bytes: symbol, first open time, count, prices, volumes, runs of sources. The rows of a series are
 * contiguous, so the first open time and the timeframe give all others. Decoding gives back exactly the same doubles.
 */
export function encodeRecord(window: SeriesWindow): Uint8Array {
  const columns = columnsOf(window);
  const writer = new ByteWriter(64 + window.length * 16);
  writer.text(window.symbol);
  writer.f64(columns.openTime[0] ?? 0);
  writer.u32(window.length);
  writePrices(writer, columns);
  writeVolumes(writer, columns.volume);
  writeRuns(writer, columns.source);
  return writer.bytes();
}

/** Throws `MalformedBytes`. */
export function readRecordHead(bytes: Uint8Array): RecordHead {
  return readHead(new ByteReader(bytes));
}

/** The columns of a record, freshly allocated. Throws `MalformedBytes`. */
export function decodeRecord(bytes: Uint8Array, timeframe: Timeframe): Columns {
  const reader = new ByteReader(bytes);
  const { firstOpenTime, count } = readHead(reader);
  const columns = allocateColumns(count);
  readPrices(reader, columns);
  readVolumes(reader, columns.volume);
  readRuns(reader, columns.source);
  if (reader.remaining > 0) throw new MalformedBytes(`${reader.remaining} bytes behind the record`);
  const stepMs = timeframeMs(timeframe);
  for (let index = 0; index < count; index++) columns.openTime[index] = firstOpenTime + index * stepMs;
  return columns;
}

/** On one buffer: seven small typed arrays of their own cost more than all the arithmetic. */
function allocateColumns(count: number): Columns {
  const buffer = new ArrayBuffer(count * BYTES_PER_ROW);
  const column = (index: number) => new Float64Array(buffer, index * count * 8, count);
  return {
    openTime: column(0),
    open: column(1),
    high: column(2),
    low: column(3),
    close: column(4),
    volume: column(5),
    source: new Uint8Array(buffer, 6 * count * 8, count),
  };
}

function readHead(reader: ByteReader): RecordHead {
  const symbol = reader.text();
  const firstOpenTime = reader.f64();
  const count = reader.u32();
  if (count === 0 || count > MAX_ROWS) throw new MalformedBytes(`${count} rows, 1 to ${MAX_ROWS} allowed`);
  return { symbol, firstOpenTime, count };
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

function readRuns(reader: ByteReader, source: Uint8Array): void {
  for (let start = 0; start < source.length; ) {
    const code = reader.u8();
    const length = reader.u32();
    if (length === 0 || length > source.length - start) throw new MalformedBytes(`a run of ${length} sources`);
    source.fill(code, start, start + length);
    start += length;
  }
}

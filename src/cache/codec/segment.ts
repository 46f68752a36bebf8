import { promisify } from 'node:util';
import { crc32, gunzip, gzip } from 'node:zlib';
import { ByteReader, ByteWriter, MalformedBytes } from './bytes.js';

/*
 * A segment in bytes (little-endian):
 *
 *   0  'CSEG'            8  f64 writtenAt, epoch ms      28  u32 crc32 of this header with the crc as 0,
 *   4  u8  version      16  f64 sequence                         the key and the decoded payload
 *   5  u8  codec        24  u32 payload bytes, decoded   32  u16 + UTF-8 key: exchange, timeframe, segment
 *   6  u16 records                                        …  payload, compressed: per record u32 length + record
 */
const MAGIC = 0x47455343;
/** Version 2 has a digest in every record. */
export const FORMAT_VERSION = 2;
/** The codec byte leaves room for zstd once the oldest supported Node has it. */
const CODEC_GZIP = 1;
const HEADER_BYTES = 32;
const CRC_AT = 28;
/** A decoded payload beyond this is refused before and while inflating (a 0.5 MB bomb inflates to 512 MB). */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

const compress = promisify(gzip);
const decompress = promisify(gunzip);

export interface SegmentHeader {
  /** The cache key this segment was written for; a segment found under another key is not served. */
  readonly key: string;
  /** Rises with every write of the store. */
  readonly sequence: number;
  /** Epoch ms. */
  readonly writtenAt: number;
}

export interface Segment extends SegmentHeader {
  /** By their names, with which each begins; those of series are their symbols. */
  readonly records: ReadonlyMap<string, Uint8Array>;
}

/** Why bytes are not a segment that may be served. */
export const SEGMENT_DEFECTS = [
  'magic',
  'version',
  'codec',
  'identity',
  'size',
  'inflate',
  'checksum',
  'shape',
  'sequence',
] as const;
export type SegmentDefect = (typeof SEGMENT_DEFECTS)[number];

/** Throws a RangeError for a payload beyond `MAX_PAYLOAD_BYTES`, which could not be read back. */
export async function encodeSegment(header: SegmentHeader, records: readonly Uint8Array[]): Promise<Buffer> {
  const size = records.reduce((sum, record) => sum + 4 + record.length, 0);
  if (size > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`segment ${header.key} has ${size} bytes, at most ${MAX_PAYLOAD_BYTES} allowed`);
  }
  const payload = new ByteWriter(size);
  for (const record of records) {
    payload.u32(record.length);
    payload.reserve(record.length).set(record);
  }
  const head = new ByteWriter(HEADER_BYTES + 2 + header.key.length * 3);
  head.u32(MAGIC);
  head.u8(FORMAT_VERSION);
  head.u8(CODEC_GZIP);
  head.u16(records.length);
  head.f64(header.writtenAt);
  head.f64(header.sequence);
  head.u32(size);
  head.u32(0);
  head.text(header.key);
  const headBytes = Buffer.from(head.bytes());
  headBytes.writeUInt32LE(crc32(payload.bytes(), crc32(headBytes)), CRC_AT);
  return Buffer.concat([headBytes, await compress(payload.bytes(), { level: 1, chunkSize: Math.max(64, size) })]);
}

/** Never rejects: bytes that are not the segment of `key` give the reason. */
export async function decodeSegment(bytes: Uint8Array, key: string): Promise<Segment | SegmentDefect> {
  try {
    return await decode(bytes, key);
  } catch (error) {
    if (error instanceof MalformedBytes) return 'shape';
    throw error;
  }
}

async function decode(bytes: Uint8Array, key: string): Promise<Segment | SegmentDefect> {
  const reader = new ByteReader(bytes);
  if (bytes.length < HEADER_BYTES || reader.u32() !== MAGIC) return 'magic';
  if (reader.u8() !== FORMAT_VERSION) return 'version';
  if (reader.u8() !== CODEC_GZIP) return 'codec';
  const count = reader.u16();
  const writtenAt = reader.f64();
  const sequence = reader.f64();
  const size = reader.u32();
  const crc = reader.u32();
  if (reader.text() !== key) return 'identity';
  if (size > MAX_PAYLOAD_BYTES) return 'size';
  const head = Buffer.from(bytes.subarray(0, bytes.length - reader.remaining));
  const payload = await inflate(reader.take(reader.remaining), size);
  if (payload === null) return 'inflate';
  head.writeUInt32LE(0, CRC_AT);
  if (payload.length !== size || crc32(payload, crc32(head)) !== crc) return 'checksum';
  return { key, sequence, writtenAt, records: splitRecords(payload, count) };
}

/** Null for what is no gzip stream or inflates to more than the header promised. */
async function inflate(bytes: Uint8Array, size: number): Promise<Buffer | null> {
  // In one chunk, so that a segment takes one trip through the thread pool. zlib wants chunks of at least 64 bytes.
  return decompress(bytes, { maxOutputLength: Math.max(1, size), chunkSize: Math.max(64, size) }).catch(() => null);
}

function splitRecords(payload: Uint8Array, count: number): Map<string, Uint8Array> {
  const reader = new ByteReader(payload);
  const records = new Map<string, Uint8Array>();
  while (reader.remaining > 0) {
    const record = reader.take(reader.u32());
    records.set(new ByteReader(record).text(), record);
  }
  if (records.size !== count) throw new MalformedBytes(`${records.size} records, ${count} promised`);
  return records;
}

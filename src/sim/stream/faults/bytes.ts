import type { Random } from '../../../lib/random.js';
import type { ConnectionAction } from './rule.js';

type BadFrame = Extract<ConnectionAction, { type: 'badFrame' }>['kind'];

const FINAL = 0x80;
const TEXT = 0x01;
const CONTINUATION = 0x00;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const FILLER = 0x78;

/** Frames that RFC 6455 forbids, or forbids a server to send. */
const BAD_FRAMES: Record<BadFrame, readonly number[]> = {
  /** A two-byte sequence whose second byte is none. */
  invalidUtf8: [FINAL | TEXT, 2, 0xc3, 0x28],
  /** RSV1 to RSV3 without an extension. */
  reservedBits: [FINAL | 0x70 | TEXT, 2, 0x7b, 0x7d],
  badOpcode: [FINAL | 0x03, 0],
  /** `{}` under the mask 01 02 03 04. */
  masked: [FINAL | TEXT, 0x80 | 2, 1, 2, 3, 4, 0x7b ^ 1, 0x7d ^ 2],
  fragmentedPing: [0x09, 0],
};

export function badFrame(kind: BadFrame): Buffer {
  return Buffer.from(BAD_FRAMES[kind]);
}

/** Random bytes; the first is no valid start of a frame. */
export function garbage(size: number, random: Random): Buffer {
  const bytes = Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)));
  bytes[0] = 0xff;
  return bytes;
}

/** The head of one text message of `size` bytes, 64 KiB or more, and the filler that follows it. */
export function* hugeMessage(size: number): Iterable<Buffer> {
  const head = Buffer.alloc(10);
  head[0] = FINAL | TEXT;
  head[1] = LENGTH_64;
  head.writeBigUInt64BE(BigInt(size), 2);
  yield head;
  const chunk = Buffer.alloc(65_536, FILLER);
  for (let left = size; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
}

/** One text message of `size` bytes, fewer than 64 Ki. */
export function textMessage(size: number): Buffer {
  const long = size >= LENGTH_16;
  const head = Buffer.alloc(long ? 4 : 2);
  head[0] = FINAL | TEXT;
  head[1] = long ? LENGTH_16 : size;
  if (long) head.writeUInt16BE(size, 2);
  return Buffer.concat([head, Buffer.alloc(size, FILLER)]);
}

/** One empty text message in `count` fragments. */
export function emptyFragments(count: number): Buffer {
  const bytes = Buffer.alloc(2 * count, CONTINUATION);
  bytes[0] = TEXT;
  bytes[bytes.length - 2] = FINAL | CONTINUATION;
  return bytes;
}

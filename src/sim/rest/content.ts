import { constants, crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { type KlinePage, klineRow } from '../market/market.js';

/** Bodies below this many bytes are sent as they are. */
const GZIP_FROM_BYTES = 1_000;
const CACHE_BYTES = 96 * 2 ** 20;
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** A reply's body as it goes over the wire. */
export interface Content {
  readonly bytes: Buffer;
  readonly gzipped: boolean;
}

export function textContent(text: string, gzip: boolean): Content {
  const bytes = Buffer.from(text);
  if (!gzip || bytes.length < GZIP_FROM_BYTES) return { bytes, gzipped: false };
  return { bytes: gzipSync(bytes, { level: 1 }), gzipped: true };
}

/** The part of a page that never changes, ready to be continued. */
interface Head {
  readonly bytes: Buffer;
  /** Of the text. */
  readonly length: number;
  readonly crc: number;
}

/**
 * Bodies of kline pages. All rows but the forming one are the same for everyone who asks, so their text is kept, compressed
 * when the client takes gzip; a reply continues it with one uncompressed block. A repeated page then costs microseconds.
 */
export class KlineBodies {
  readonly #heads = new LRUCache<string, Head>({
    maxSize: CACHE_BYTES,
    sizeCalculation: (head, key) => head.bytes.length + 2 * key.length + 128,
  });

  content(page: KlinePage, gzip: boolean): Content {
    const forming = page.forming === null ? '' : klineRow(page.forming);
    if (page.closedKey === null) return textContent(`[${forming}]`, false);
    const tail = Buffer.from(`${forming === '' ? '' : ','}${forming}]`);
    const key = `${gzip ? 'gzip' : 'plain'}|${page.closedKey}`;
    let head = this.#heads.get(key);
    if (head === undefined) {
      head = gzip ? compressedHead(page.closedRows()) : plainHead(page.closedRows());
      this.#heads.set(key, head);
    }
    if (!gzip) return { bytes: Buffer.concat([head.bytes, tail]), gzipped: false };
    return { bytes: Buffer.concat([head.bytes, finalBlock(tail), trailer(head, tail)]), gzipped: true };
  }
}

function plainHead(rows: Uint8Array): Head {
  const bytes = Buffer.concat([Buffer.from('['), rows]);
  return { bytes, length: bytes.length, crc: 0 };
}

/**
 * A gzip member (RFC 1952) without its end: a sync flush leaves the deflate stream open on a byte border. Rows are digits
 * that hardly repeat, so looking for matches other than runs would double the time for a fifth of the size.
 */
function compressedHead(rows: Uint8Array): Head {
  const plain = Buffer.concat([Buffer.from('['), rows]);
  const deflated = deflateRawSync(plain, {
    level: 1,
    strategy: constants.Z_RLE,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  return { bytes: Buffer.concat([GZIP_HEADER, deflated]), length: plain.length, crc: crc32(plain) };
}

/** The last block of a deflate stream, stored (RFC 1951, 3.2.4): final bit, length, its complement, the bytes. */
function finalBlock(tail: Buffer): Buffer {
  const block = Buffer.allocUnsafe(5 + tail.length);
  block[0] = 1;
  block.writeUInt16LE(tail.length, 1);
  block.writeUInt16LE(~tail.length & 0xffff, 3);
  tail.copy(block, 5);
  return block;
}

function trailer(head: Head, tail: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32LE(crc32(tail, head.crc), 0);
  bytes.writeUInt32LE(head.length + tail.length, 4);
  return bytes;
}

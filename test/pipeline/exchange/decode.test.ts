import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ExchangeError } from '../../../src/domain/errors.js';
import { excerpt, parseJson, unpack } from '../../../src/pipeline/exchange/decode.js';
import { parseKlines } from '../../../src/pipeline/exchange/klines.js';
import { klineRows } from '../../support/hostile-server.js';

const LIMIT = 4 * 1024 * 1024;
const body = Buffer.from(JSON.stringify(klineRows(40)));
const packed = gzipSync(body);

function kindOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof ExchangeError ? error.kind : `thrown: ${String(error)}`;
  }
  return 'accepted';
}

function decodeJson(body: Buffer, encoding: string | undefined, maxBytes: number): unknown {
  return parseJson(unpack(body, encoding, maxBytes));
}

describe('unpack and parseJson', () => {
  it('reads a plain and a gzip body', () => {
    expect(decodeJson(body, undefined, LIMIT)).toEqual(klineRows(40));
    expect(decodeJson(packed, 'gzip', LIMIT)).toEqual(klineRows(40));
  });

  it('X5: accepts nothing of a body cut at any byte', () => {
    const kinds = new Set<string>();
    for (let end = 0; end < body.length; end++) {
      kinds.add(kindOf(() => parseKlines(decodeJson(body.subarray(0, end), undefined, LIMIT), '5m', 99)));
    }
    expect([...kinds]).toEqual(['badPayload']);
  });

  it('X5: accepts nothing of a gzip body cut at any byte', () => {
    const kinds = new Set<string>();
    for (let end = 0; end < packed.length; end++) {
      kinds.add(kindOf(() => decodeJson(packed.subarray(0, end), 'gzip', LIMIT)));
    }
    expect([...kinds]).toEqual(['badPayload']);
  });

  it('X5: accepts no gzip body with a flipped bit that changes what it says', () => {
    for (let at = 0; at < packed.length; at++) {
      const flipped = Buffer.from(packed);
      flipped[at] = (flipped[at] as number) ^ 0x10;
      let value: unknown;
      const kind = kindOf(() => {
        value = decodeJson(flipped, 'gzip', LIMIT);
      });
      // A flip in the header's time or system byte is harmless.
      if (kind === 'accepted') expect(value).toEqual(klineRows(40));
      else expect(kind).toBe('badPayload');
    }
  });

  it.each([
    ['bad UTF-8', Buffer.from([0x5b, 0x22, 0xc3, 0x28, 0x22, 0x5d]), undefined],
    ['a byte order mark', Buffer.from('\ufeff[]'), undefined],
    ['an empty body', Buffer.alloc(0), undefined],
    ['HTML', Buffer.from('<html>'), undefined],
    ['plain text that claims to be gzip', Buffer.from('[]'), 'gzip'],
    ['gzip that claims to be plain', gzipSync('[]'), undefined],
    ['an encoding that was not asked for', Buffer.from('[]'), 'br'],
  ])('X5: refuses %s', (_what, bytes, encoding) => {
    expect(kindOf(() => decodeJson(bytes, encoding, LIMIT))).toBe('badPayload');
  });

  it('X7: unpacks no more than the limit', () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, '['), { level: 1 });
    expect(kindOf(() => decodeJson(bomb, 'gzip', LIMIT))).toBe('badPayload');
    expect(kindOf(() => decodeJson(Buffer.alloc(LIMIT + 1, ' '), undefined, LIMIT))).toBe('badPayload');
  });

  it('X7: survives JSON nested a hundred thousand deep', () => {
    const deep = Buffer.from('['.repeat(100_000) + ']'.repeat(100_000));
    expect(kindOf(() => parseKlines(decodeJson(deep, undefined, LIMIT), '5m', 99))).not.toMatch(/^thrown/);
  });
});

describe('excerpt', () => {
  it('shows the beginning on one line, without control characters', () => {
    expect(excerpt(Buffer.from('<html>\r\n\u001b[31m<body>'), 40)).toBe('"<html> [31m<body>"');
    expect(excerpt(Buffer.alloc(1000, 'x'))).toBe(`"${'x'.repeat(120)}"`);
  });
});

import { describe, expect, it } from 'vitest';
import type { SignalRecord } from '../../src/signals/contract.js';
import { found } from '../../src/signals/lifecycle.js';
import { decodeLine, encodeLine } from '../../src/signals/line.js';
import { finding, SLOT } from '../support/signals.js';

const by = { slot: SLOT, status: 'confirmed' as const, at: SLOT + 1_234, lateAfterMs: 30_000 };
const RECORD = found(
  null,
  finding({
    symbol: '币安人生USDT',
    strength: 0.1 + 0.2,
    price: 1.2e-7,
    reasons: ['a "quote"', 'two\nlines', '\u2028 \ud800'],
  }),
  by,
)?.record as SignalRecord;
const LINE = encodeLine(RECORD);
const BYTES = Buffer.from(LINE.slice(0, -1));

describe('a line of a signal file', () => {
  it('gives back the record to the last digit and letter', () => {
    expect(decodeLine(BYTES)).toEqual(RECORD);
  });

  it('is one JSON object with the signal, the version of its format and its checksum last', () => {
    expect(LINE.indexOf('\n')).toBe(LINE.length - 1);
    const parsed: unknown = JSON.parse(LINE);
    expect(parsed).toMatchObject({ v: 1, ...RECORD });
    expect(LINE).toMatch(/,"crc32":"[0-9a-f]{8}"\}\n$/);
  });

  it('is refused with any single bit flipped', () => {
    let refused = 0;
    for (let bit = 0; bit < BYTES.length * 8; bit++) {
      const flipped = Buffer.from(BYTES);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      if (decodeLine(flipped) === null) refused += 1;
    }
    expect(refused).toBe(BYTES.length * 8);
  });

  it('is refused when bytes are missing at either end, or added', () => {
    for (let length = 0; length < BYTES.length; length++) {
      expect(decodeLine(BYTES.subarray(0, length))).toBeNull();
      expect(decodeLine(BYTES.subarray(BYTES.length - length))).toBeNull();
    }
    expect(decodeLine(Buffer.concat([BYTES, BYTES]))).toBeNull();
    expect(decodeLine(Buffer.concat([BYTES, Buffer.from(' ')]))).toBeNull();
  });

  it('is refused when it has another version, however sound', async () => {
    const { crc32 } = await import('node:zlib');
    const body = LINE.slice(0, LINE.indexOf(',"crc32"')).replace('"v":1', '"v":2');
    const later = `${body},"crc32":"${crc32(body).toString(16).padStart(8, '0')}"}`;
    expect(JSON.parse(later)).toMatchObject({ v: 2 });
    expect(decodeLine(Buffer.from(later))).toBeNull();
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BYTES_PATTERN, formatBytes, parseBytes } from '../../src/lib/bytes.js';

describe('bytes', () => {
  it.each([
    ['0B', 0],
    ['512B', 512],
    ['1KiB', 1_024],
    ['64MiB', 67_108_864],
    ['1GiB', 1_073_741_824],
    ['2TiB', 2_199_023_255_552],
  ])('reads %s as %d bytes', (text, sizeBytes) => {
    expect(parseBytes(text)).toBe(sizeBytes);
  });

  it.each(['', '64', '64MB', '64M', '64mib', '64 MiB', '64MiB ', '1.5GiB', '-1KiB', '9007199254740992B', '9000TiB'])(
    'refuses %j',
    (text) => {
      expect(parseBytes(text)).toBeNull();
    },
  );

  it('writes the largest unit that divides exactly', () => {
    expect([0, 1_023, 1_536, 134_217_728, 2 ** 40].map(formatBytes)).toEqual([
      '0B',
      '1023B',
      '1536B',
      '128MiB',
      '1TiB',
    ]);
  });

  it('reads back every size it writes', () => {
    const sizes = fc.oneof(
      fc.maxSafeNat(),
      fc.tuple(fc.nat(4_000), fc.nat(4)).map(([amount, power]) => amount * 1024 ** power),
    );
    fc.assert(
      fc.property(sizes, (sizeBytes) => {
        const text = formatBytes(sizeBytes);
        expect(text).toMatch(BYTES_PATTERN);
        expect(parseBytes(text)).toBe(sizeBytes);
      }),
    );
  });
});

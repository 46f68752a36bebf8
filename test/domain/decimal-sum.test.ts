import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sumOfDecimals } from '../../src/domain/decimal-sum.js';

/** Independent of the code under test: digits in, big integers, digits out. */
function exactSum(parts: readonly { digits: bigint; decimals: number }[]): number {
  const most = Math.max(0, ...parts.map(({ decimals }) => decimals));
  const total = parts.reduce((sum, { digits, decimals }) => sum + digits * 10n ** BigInt(most - decimals), 0n);
  return Number(`${total}e-${most}`);
}

const decimal = (digits: { min: bigint; max: bigint }, mostDecimals: number) =>
  fc.record({ digits: fc.bigInt(digits), decimals: fc.integer({ min: 0, max: mostDecimals }) });
const valueOf = ({ digits, decimals }: { digits: bigint; decimals: number }) => Number(`${digits}e-${decimals}`);

describe('sumOfDecimals', () => {
  it('adds decimals, not doubles', () => {
    expect(0.1 + 0.2).not.toBe(0.3);
    expect(sumOfDecimals([0.1, 0.2])).toBe(0.3);
    expect(sumOfDecimals([1_234_567.001, 0.0000001, 3e-8])).toBe(1_234_567.00100013);
    expect(sumOfDecimals([])).toBe(0);
  });

  it('adds a part of the values', () => {
    expect(sumOfDecimals(Float64Array.of(9, 0.1, 0.2, 9), 1, 3)).toBe(0.3);
  });

  it('falls back to big integers for more decimals, more digits and larger sums', () => {
    expect(sumOfDecimals([1e-9, 2e-9])).toBe(3e-9);
    expect(sumOfDecimals([1.5e-20, 2.5])).toBe(2.5);
    expect(sumOfDecimals([9e15, 0.5, 0.25])).toBe(9_000_000_000_000_001);
    expect(sumOfDecimals([1e21, 1e21, 0.1])).toBe(2e21);
    expect(sumOfDecimals([12_345_678.12345678, 12_345_678.12345678])).toBe(24_691_356.24691356);
  });

  it('is not off by one where integers over a power of ten are no longer different doubles', () => {
    expect(sumOfDecimals([8_931_468_247.3684, 811_629_199_210.909])).toBe(Number('820560667458.2774'));
  });

  it('equals the sum of the texts, for volumes of up to eight decimals and fifteen digits', () => {
    const volume = decimal({ min: 0n, max: 10n ** 15n - 1n }, 8);
    fc.assert(
      fc.property(fc.array(volume, { maxLength: 48 }), (parts) => {
        expect(sumOfDecimals(parts.map(valueOf))).toBe(exactSum(parts));
      }),
      { numRuns: 5_000 },
    );
  });

  it('equals the sum of the texts, for any decimals of up to fifteen digits', () => {
    const wild = decimal({ min: 0n, max: 10n ** 15n - 1n }, 24);
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 12 }), (parts) => {
        expect(sumOfDecimals(parts.map(valueOf))).toBe(exactSum(parts));
      }),
    );
  });

  it('takes a longer decimal for the shortest one that parses to its double', () => {
    const long = fc.record({
      digits: fc.bigInt({ min: 10n ** 15n, max: 2n ** 53n }),
      decimals: fc.integer({ min: 0, max: 8 }),
    });
    const shortest = (value: number) => {
      const [whole = '', fraction = ''] = String(value).split('.');
      return { digits: BigInt(whole + fraction), decimals: fraction.length };
    };
    fc.assert(
      fc.property(long, (part) => {
        const value = valueOf(part);
        expect(sumOfDecimals([value, 0.5])).toBe(exactSum([shortest(value), { digits: 5n, decimals: 1 }]));
      }),
      { numRuns: 2_000 },
    );
  });
});

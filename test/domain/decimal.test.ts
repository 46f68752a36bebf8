import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toDecimal } from '../../src/domain/decimal.js';

describe('toDecimal', () => {
  it('prints without an exponent what parses back to the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = toDecimal(value);
        expect(text).toMatch(/^-?\d+(\.\d+)?$/);
        expect(Number(text)).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  it.each([
    [1.2e-7, '0.00000012'],
    [85885.4, '85885.4'],
    [1.5e21, '1500000000000000000000'],
    [-2.5e-9, '-0.0000000025'],
  ])('prints %s as %s', (value, text) => {
    expect(toDecimal(value)).toBe(text);
  });
});

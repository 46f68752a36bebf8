import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  rollingExtremes,
  rollingHighest,
  rollingLowest,
} from '../../../../src/analyzers/indicators/kernels/extremes.js';
import { greater, lesser, positivePart } from '../../../../src/analyzers/indicators/kernels/select.js';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 });
/** No -0: which of the two zeros a choice between them gives is left open. */
const value = finite.map((drawn) => drawn + 0);

describe('choices without a jump', () => {
  it('give one of the two values to the bit', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(greater(a, b)).toBe(Math.max(a, b) + 0);
        expect(lesser(a, b)).toBe(Math.min(a, b) + 0);
      }),
    );
  });

  it('keep what is positive and give 0, never -0, for the rest', () => {
    fc.assert(
      fc.property(finite, (a) => {
        expect(positivePart(a)).toBe(a > 0 ? a : 0);
      }),
    );
  });
});

describe('both extremes at once', () => {
  it('are those that are found one after the other, whatever rows are unknown before `from`', () => {
    const rows = fc.array(fc.tuple(value, value), { minLength: 0, maxLength: 90 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 30 }), fc.nat(8), (drawn, period, from) => {
        const high = Float64Array.from(drawn, ([top], row) => (row < from ? Number.NaN : top));
        const low = Float64Array.from(drawn, ([, bottom], row) => (row < from ? Number.NaN : bottom));
        const out = () => new Float64Array(drawn.length).fill(7);
        const [highest, lowest, alone, below] = [out(), out(), out(), out()];
        rollingExtremes(high, low, from, period, highest, lowest);
        rollingHighest(high, from, period, alone);
        rollingLowest(low, from, period, below);
        expect(highest).toEqual(alone);
        expect(lowest).toEqual(below);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rollingHighest, rollingLowest } from '../../../../src/analyzers/indicators/kernels/extremes.js';
import {
  rollingDeviation,
  rollingMean,
  rollingOffset,
  rollingSum,
  rollingWeightedMean,
} from '../../../../src/analyzers/indicators/kernels/window.js';
import { firstDifference, relative } from '../../../support/indicators.js';

/** A scale on which every price and every sum of these tests is a whole number: sums of BigInt are exact. */
const UNITS = 2 ** 40;

/** Prices as an exchange prints them, with crashes and recoveries over nine decades. */
const prices = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: -6, max: 3 })), {
    minLength: 1,
    maxLength: 90,
  })
  .map((drawn) => Float64Array.from(drawn, ([digits, exponent]) => exactly(digits * 10 ** exponent)));

const period = fc.integer({ min: 1, max: 30 });

function exactly(price: number): number {
  return Math.round(price * UNITS) / UNITS;
}

const units = (value: number) => BigInt(Math.round(value * UNITS));

/** The exact value of each window as `figure` makes it from the units in it, NaN before the first whole window. */
function exact(source: Float64Array, length: number, figure: (window: readonly bigint[]) => number): number[] {
  return Array.from(source, (_value, row) =>
    row < length - 1 ? Number.NaN : figure(Array.from(source.slice(row - length + 1, row + 1), units)),
  );
}

const sumOf = (window: readonly bigint[]) => window.reduce((sum, value) => sum + value, 0n);

/** numerator / denominator to the last digit of a double and some. */
function ratio(numerator: bigint, denominator: bigint): number {
  return Number((numerator << 200n) / denominator) / 2 ** 200;
}

const meanOf = (window: readonly bigint[]) => ratio(sumOf(window), BigInt(window.length)) / UNITS;

/** n * sum(x^2) - sum(x)^2, exact. */
const spreadOf = (window: readonly bigint[]) =>
  BigInt(window.length) * window.reduce((sum, value) => sum + value * value, 0n) - sumOf(window) ** 2n;

function run(kernel: (source: Float64Array, out: Float64Array) => void, source: Float64Array): Float64Array {
  const out = new Float64Array(source.length).fill(7);
  kernel(source, out);
  return out;
}

describe('windows against exact arithmetic, prices from 1e-6 to 1e9 beside each other', () => {
  it('gives the mean to 1e-12', () => {
    fc.assert(
      fc.property(prices, period, (source, length) => {
        const actual = run((values, out) => rollingMean(values, 0, length, out), source);
        expect(firstDifference(actual, exact(source, length, meanOf), relative(1e-12))).toBeNull();
      }),
    );
  });

  it('gives the sum to 1e-14', () => {
    fc.assert(
      fc.property(prices, period, (source, length) => {
        const actual = run((values, out) => rollingSum(values, length, out), source);
        const expected = exact(source, length, (window) => Number(sumOf(window)) / UNITS);
        expect(firstDifference(actual, expected, relative(1e-14))).toBeNull();
      }),
    );
  });

  it('gives the weighted mean to 1e-12', () => {
    fc.assert(
      fc.property(prices, period, (source, length) => {
        const actual = run((values, out) => rollingWeightedMean(values, 0, length, out), source);
        const expected = exact(source, length, (window) => {
          const weighted = window.reduce((sum, value, index) => sum + BigInt(index + 1) * value, 0n);
          return ratio(weighted, BigInt((length * (length + 1)) / 2)) / UNITS;
        });
        expect(firstDifference(actual, expected, relative(1e-12))).toBeNull();
      }),
    );
  });

  it('gives the deviation to 1e-12, and exactly 0 where the window is flat', () => {
    fc.assert(
      fc.property(prices, period, (source, length) => {
        const actual = run(
          (values, out) => rollingDeviation(values, length, new Float64Array(values.length), out),
          source,
        );
        const expected = exact(source, length, (window) => Math.sqrt(Number(spreadOf(window))) / window.length / UNITS);
        expect(firstDifference(actual, expected, relative(1e-12))).toBeNull();
      }),
    );
  });

  it('gives the highest and the lowest exactly', () => {
    fc.assert(
      fc.property(prices, period, fc.nat(5), (source, length, from) => {
        const highest = run((values, out) => rollingHighest(values, from, length, out), source);
        const lowest = run((values, out) => rollingLowest(values, from, length, out), source);
        source.forEach((_value, row) => {
          const window = source.slice(Math.max(0, row - length + 1), row + 1);
          const whole = row >= from + length - 1;
          expect(highest[row]).toBe(whole ? Math.max(...window) : Number.NaN);
          expect(lowest[row]).toBe(whole ? Math.min(...window) : Number.NaN);
        });
      }),
    );
  });
});

describe('windows after what would break a running sum', () => {
  it('keeps no trace of a price of 1e9 once it has left', () => {
    const source = Float64Array.from({ length: 400 }, (_, row) => (row < 200 ? 1e9 : 0.004 + (row % 7) * 1e-9));
    const alone = source.slice(220);
    for (const kernel of [
      (values: Float64Array, out: Float64Array) => rollingMean(values, 0, 20, out),
      (values: Float64Array, out: Float64Array) => rollingWeightedMean(values, 0, 20, out),
      (values: Float64Array, out: Float64Array) => rollingDeviation(values, 20, new Float64Array(values.length), out),
    ]) {
      const after = run(kernel, source).slice(220 + 19);
      expect(firstDifference(after, run(kernel, alone).slice(19), relative(1e-9))).toBeNull();
    }
  });

  it('gives a flat price itself, a distance of 0 and a deviation of 0, all exactly', () => {
    const source = Float64Array.from({ length: 100 }, (_, row) => (row < 40 ? 3 + Math.sin(row) : 0.1 + 0.2));
    const mean = run((values, out) => rollingMean(values, 0, 14, out), source);
    const weighted = run((values, out) => rollingWeightedMean(values, 0, 14, out), source);
    const offset = run((values, out) => rollingOffset(values, 0, 14, out), source);
    const deviation = run((values, out) => rollingDeviation(values, 14, new Float64Array(values.length), out), source);
    for (let row = 53; row < 100; row++) {
      expect([mean[row], weighted[row], offset[row], deviation[row]]).toEqual([0.1 + 0.2, 0.1 + 0.2, 0, 0]);
    }
  });

  it('makes exactly those windows NaN that hold a NaN', () => {
    fc.assert(
      fc.property(prices, fc.integer({ min: 1, max: 9 }), fc.nat(89), (source, length, hole) => {
        const holed = source.slice();
        holed[Math.min(hole, holed.length - 1)] = Number.NaN;
        const actual = run((values, out) => rollingMean(values, 0, length, out), holed);
        holed.forEach((_value, row) => {
          const window = holed.slice(Math.max(0, row - length + 1), row + 1);
          expect(Number.isNaN(actual[row])).toBe(row < length - 1 || window.some(Number.isNaN));
        });
      }),
    );
  });
});

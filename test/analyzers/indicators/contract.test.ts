import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Indicator } from '../../../src/analyzers/indicators/contract.js';
import {
  computeIndicator,
  createScratch,
  listIndicators,
  resolveParameters,
} from '../../../src/analyzers/indicators/registry.js';
import type { Columns } from '../../../src/domain/series.js';
import { arbitraryCandles, arbitraryMovingCandles, firstDifference, sliceCandles } from '../../support/indicators.js';

const POISON = 1.25e301;

/** The columns of an indicator, computed over memory that holds poison, and the poison it left. */
function computePoisoned(indicator: Indicator, candles: Columns) {
  const scratch = createScratch();
  for (let i = 0; i < 16; i++) scratch.take(candles.close.length).fill(POISON);
  scratch.reset();
  return computeIndicator(indicator, candles, resolveParameters(indicator), scratch);
}

/** What scaling every price by a factor does to an output: nothing, or the same to it. Power of two, hence exact. */
const SCALES_WITH_PRICE = new Set(
  [
    ['sma', 'ema', 'wma', 'rma', 'hma', 'vwma', 'vwap', 'macd', 'bbands', 'stddev', 'keltner', 'donchian', 'highest'],
    ['lowest', 'sum', 'atr', 'truerange', 'psar', 'averagegain', 'averageloss', 'forceindex', 'awesomeoscillator'],
    ['ichimokucloud', 'chandelierexit', 'heikinashi', 'supertrend.value'],
  ].flat(),
);

/** A trend, a level or a day is remembered for as long as it lasts, not for a number of candles. */
const FORGETS_SLOWLY = new Set(['supertrend', 'psar', 'obv', 'adl', 'vwap']);

describe.each(listIndicators())('$name', (indicator) => {
  const parameters = resolveParameters(indicator);
  const candlesOf = (max: number) => arbitraryCandles({ min: 0, max });
  const runs = { numRuns: 15 };

  it('describes itself', () => {
    expect(indicator.name).toMatch(/^[a-z]+$/);
    expect(indicator.description.length).toBeGreaterThan(10);
    expect(new Set(indicator.outputs).size).toBe(indicator.outputs.length);
    for (const spec of Object.values(indicator.parameters)) {
      expect(spec.default).toBeGreaterThanOrEqual(spec.min);
      expect(spec.default).toBeLessThanOrEqual(spec.max);
    }
    expect(indicator.settled(parameters, 1e-6)).toBeGreaterThan(indicator.warmup(parameters));
  });

  it('writes every row, with numbers or NaN and never with an infinity', () => {
    fc.assert(
      fc.property(candlesOf(160), (candles) => {
        for (const column of Object.values(computePoisoned(indicator, candles))) {
          expect(column.length).toBe(candles.close.length);
          expect(column.some((value) => value === POISON || Math.abs(value) === Infinity)).toBe(false);
        }
      }),
      runs,
    );
  });

  it('has a value in every row after its warm-up and lacks one in every row before, while prices move', () => {
    fc.assert(
      fc.property(arbitraryMovingCandles(120), (candles) => {
        const columns = Object.values(computePoisoned(indicator, candles));
        const warmup = indicator.warmup(parameters);
        const complete = Array.from(candles.close, (_, row) => columns.every((column) => Number.isFinite(column[row])));
        expect(complete).toEqual(complete.map((_, row) => row >= warmup));
      }),
      runs,
    );
  });

  it('gives the same rows, to the bit, whatever candles follow', () => {
    fc.assert(
      fc.property(candlesOf(160), fc.nat(160), (candles, cut) => {
        const all = computePoisoned(indicator, candles);
        const first = computePoisoned(indicator, sliceCandles(candles, 0, cut));
        for (const name of indicator.outputs) {
          expect(first[name]).toEqual(all[name]?.slice(0, cut));
        }
      }),
      runs,
    );
  });

  it('leaves its candles as they are', () => {
    fc.assert(
      fc.property(candlesOf(100), (candles) => {
        const before = sliceCandles(candles, 0);
        computePoisoned(indicator, candles);
        expect(candles).toEqual(before);
      }),
      runs,
    );
  });

  it('scales with the price or not at all', () => {
    fc.assert(
      fc.property(candlesOf(120), fc.integer({ min: -30, max: 30 }), (candles, exponent) => {
        const factor = 2 ** exponent;
        const scaled = computePoisoned(indicator, scalePrices(candles, factor));
        for (const [name, column] of Object.entries(computePoisoned(indicator, candles))) {
          const follows = SCALES_WITH_PRICE.has(indicator.name) || SCALES_WITH_PRICE.has(`${indicator.name}.${name}`);
          expect(scaled[name]).toEqual(follows ? column.map((value) => value * factor) : column);
        }
      }),
      runs,
    );
  });

  it.skipIf(FORGETS_SLOWLY.has(indicator.name))('has forgotten older candles once it is settled', () => {
    const tolerance = 1e-8;
    const settled = indicator.settled(parameters, tolerance);
    // A window without memory rounds differently at most; of a seed, at most a price of these markets, a part is left.
    const memoryless = settled === indicator.settled(parameters, 1e-3);
    const left = memoryless ? 1e-11 : tolerance;
    const allowed = (value: number) => left * (memoryless ? Math.max(1, Math.abs(value)) : 2_000);
    fc.assert(
      fc.property(arbitraryMovingCandles(settled + 40), fc.integer({ min: 1, max: 30 }), (candles, dropped) => {
        const all = computePoisoned(indicator, candles);
        const late = computePoisoned(indicator, sliceCandles(candles, dropped));
        for (const name of indicator.outputs) {
          const expected = all[name]?.slice(dropped + settled - 1) ?? [];
          const actual = late[name]?.slice(settled - 1) ?? [];
          expect(firstDifference(actual, expected, allowed)).toBeNull();
        }
      }),
      { numRuns: 5 },
    );
  });
});

function scalePrices(candles: Columns, factor: number): Columns {
  const scaled = (column: Float64Array) => column.map((price) => price * factor);
  return {
    ...candles,
    open: scaled(candles.open),
    high: scaled(candles.high),
    low: scaled(candles.low),
    close: scaled(candles.close),
  };
}

import { describe, expect, it } from 'vitest';
import { compareWithTechnicalIndicators } from '../../../src/analyzers/indicators/benchmark.js';

/** A clock that moves a millisecond every time it is read: every run takes exactly one. */
function countingClock() {
  let now = 0;
  return { monotonic: () => now++ };
}

describe('the comparison with technicalindicators', () => {
  it('times every indicator and scales the sample of the reference to all series', () => {
    const comparison = compareWithTechnicalIndicators({
      series: 6,
      length: 80,
      seed: 1,
      sample: 2,
      rounds: 3,
      clock: countingClock(),
    });
    const { perIndicator, kernelsMs, referenceMs, ratio, what } = comparison;
    expect(perIndicator.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['sma', 'rsi', 'macd', 'bbands', 'adx', 'keltner']),
    );
    for (const one of perIndicator) {
      expect({ ...one, name: '', parameters: {} }).toEqual({
        name: '',
        parameters: {},
        kernelsMs: 1,
        referenceMs: 3,
        ratio: 3,
      });
    }
    expect({ kernelsMs, referenceMs, ratio }).toEqual({
      kernelsMs: 1,
      referenceMs: 3 * perIndicator.length,
      ratio: 3 * perIndicator.length,
    });
    expect(what).toContain('6 series of 80 candles');
  });

  it('refuses a comparison that is too small to end in values', () => {
    expect(() => compareWithTechnicalIndicators({ series: 1, length: 20, seed: 1 })).toThrow(RangeError);
    expect(() => compareWithTechnicalIndicators({ series: 0, length: 300, seed: 1 })).toThrow(RangeError);
  });
});

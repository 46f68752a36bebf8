import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arbitraryMovingCandles, compute, firstDifference } from '../../support/indicators.js';

/** By the definition, window by window. */
function cciOf(typical: readonly number[], period: number): number[] {
  return typical.map((newest, row) => {
    if (row < period - 1) return Number.NaN;
    const window = typical.slice(row - period + 1, row + 1);
    const mean = window.reduce((sum, one) => sum + one, 0) / period;
    const deviation = window.reduce((sum, one) => sum + Math.abs(one - mean), 0) / period;
    return (newest - mean) / (0.015 * deviation);
  });
}

it('gives the commodity channel index of every window, also of those that are left over after fours', () => {
  const period = fc.integer({ min: 2, max: 24 });
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 80 }).chain(arbitraryMovingCandles), period, (candles, length) => {
      const { high, low, close } = candles;
      const typical = Array.from(close, (last, row) => ((high[row] as number) + (low[row] as number) + last) / 3);
      const { value = [] } = compute('cci', candles, { period: length });
      expect(firstDifference(value, cciOf(typical, length), () => 1e-7)).toBeNull();
    }),
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CandleRow } from '../../src/domain/candle.js';
import { deriveCandle, isDerivable } from '../../src/domain/derive.js';
import { seriesOf } from '../support/candles.js';

const STEP = 300_000;
const HOUR = Date.UTC(2026, 0, 1, 10);
const SPAN = 3 * STEP;

type Values = readonly [open: number, high: number, low: number, close: number, volume: number];
const base = (...values: Values[]) =>
  seriesOf(
    'BTCUSDT',
    '5m',
    values.map((of, index): CandleRow => [HOUR + index * STEP, ...of]),
  );

describe('deriveCandle', () => {
  it('takes the first open, the extremes, the last close and all the volume', () => {
    const series = base([10, 12, 9, 11, 0.1], [11, 15, 11, 14, 0.2], [14, 14, 8, 13, 0.4]);
    expect(deriveCandle(series, '15m', HOUR)).toEqual([HOUR, 10, 15, 8, 13, 0.7]);
  });

  it('ignores a sub-candle without volume, wherever it stands', () => {
    const quiet: Values = [7, 7, 7, 7, 0];
    const busy: Values = [10, 12, 9, 11, 3];
    for (const order of [
      [quiet, busy, quiet],
      [quiet, quiet, busy],
      [busy, quiet, quiet],
    ]) {
      expect(deriveCandle(base(...order), '15m', HOUR)).toEqual([HOUR, ...busy]);
    }
  });

  it('takes the price from all sub-candles when none has volume', () => {
    const series = base([7, 7, 7, 7, 0], [7, 8, 7, 8, 0], [8, 8, 6, 6, 0]);
    expect(deriveCandle(series, '15m', HOUR)).toEqual([HOUR, 7, 8, 6, 6, 0]);
  });

  it('gives null until the last candle of the span is there, and when the first is not held', () => {
    const one: Values = [10, 12, 9, 11, 1];
    expect(deriveCandle(base(one, one), '15m', HOUR)).toBeNull();
    expect(deriveCandle(base(one, one, one), '15m', HOUR)).not.toBeNull();
    const late = seriesOf('BTCUSDT', '5m', [
      [HOUR + STEP, ...one],
      [HOUR + 2 * STEP, ...one],
    ]);
    expect(deriveCandle(late, '15m', HOUR)).toBeNull();
    expect(deriveCandle(late, '15m', HOUR - 100 * SPAN)).toBeNull();
    expect(deriveCandle(late, '15m', HOUR + 100 * SPAN)).toBeNull();
    expect(deriveCandle(seriesOf('BTCUSDT', '5m', []), '15m', HOUR)).toBeNull();
  });

  it('derives any span that a longer series still holds, not only the newest', () => {
    const series = base(...Array.from({ length: 9 }, (_, i): Values => [10 + i, 20 + i, 5, 11 + i, 1]));
    expect(deriveCandle(series, '15m', HOUR + SPAN)).toEqual([HOUR + SPAN, 13, 25, 5, 16, 3]);
  });

  it('refuses a timeframe that its base does not divide, and an open time off the grid', () => {
    const series = base([1, 1, 1, 1, 1]);
    expect(() => deriveCandle(series, '3m', HOUR)).toThrow('3m cannot be derived from 5m, only its multiples can');
    expect(() => deriveCandle(series, '15m', HOUR + STEP)).toThrow(`${HOUR + STEP} is no open time of 15m`);
    expect([isDerivable('5m', '5m'), isDerivable('12h', '8h'), isDerivable('1w', '1d')]).toEqual([false, false, true]);
  });

  it('is the fold of the traded sub-candles, for whatever they hold', () => {
    const price = fc.integer({ min: 1, max: 1_000 });
    const sub = fc
      .tuple(price, price, price, price, fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1e9 })))
      .map(([a, b, c, d, lots]): Values => [a, Math.max(a, b, c, d), Math.min(a, b, c, d), d, lots / 1_000]);
    fc.assert(
      fc.property(fc.array(sub, { minLength: 12, maxLength: 12 }), (subs) => {
        const traded = subs.filter(([, , , , volume]) => volume > 0);
        const counted = traded.length > 0 ? traded : subs;
        const lots = subs.reduce((sum, [, , , , volume]) => sum + Math.round(volume * 1_000), 0);
        expect(deriveCandle(base(...subs), '1h', HOUR)).toEqual([
          HOUR,
          counted[0]?.[0],
          Math.max(...counted.map(([, high]) => high)),
          Math.min(...counted.map(([, , low]) => low)),
          counted.at(-1)?.[3],
          lots / 1_000,
        ]);
      }),
    );
  });
});

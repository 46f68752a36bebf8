import { describe, expect, it } from 'vitest';
import { patterns } from '../../../src/analyzers/builtin/patterns.js';
import { closingAt, findingOf, mirrored, type Shape } from '../../support/analyzers.js';

/** 90 quiet candles around 200, then ten that fall by `fall` altogether, then these two. */
function afterFall(fall: number, ...last: readonly Shape[]): Shape[] {
  const quiet = Array.from({ length: 90 }, (_, index) => 200 + (index % 2));
  const falling = Array.from({ length: 10 }, (_, index) => 200 + (index % 2) - (fall * (index + 1)) / 10);
  return [...closingAt([...quiet, ...falling]), ...last];
}

/** A black candle that falls from 190 to 188, and a white one that opens below it and closes above it. */
const engulfing: readonly Shape[] = [
  [190, 190.2, 187.8, 188, 1_000],
  [187.6, 191, 187, 190.6, 1_000],
];

describe('patterns', () => {
  it('is long on a bullish engulfing candle that ends a fall', () => {
    const found = findingOf(patterns, afterFall(10, ...engulfing));
    expect(found?.direction).toBe('long');
    expect(found?.reasons[0]).toMatch(/^Bullish engulfing.* after a fall of \d+\.\d ATR in 10 candles$/);
    expect(found?.reasons[1]).toMatch(/^The newest candle has a range of \d\.\d\d ATR$/);
  });

  it('is short, as strongly, on the mirrored market', () => {
    const found = findingOf(patterns, afterFall(10, ...engulfing));
    const mirror = findingOf(patterns, mirrored(afterFall(10, ...engulfing)));
    expect(mirror?.direction).toBe('short');
    expect(mirror?.reasons[0]).toMatch(/^Bearish engulfing.* after a rise of/);
    expect(mirror?.strength).toBeCloseTo(found?.strength as number, 6);
  });

  it('says nothing of the same candles without a move before them', () => {
    const lifted = engulfing.map(([o, h, l, c, v]): Shape => [o + 10, h + 10, l + 10, c + 10, v]);
    expect(findingOf(patterns, afterFall(0, ...lifted))).toBeUndefined();
  });

  it('says nothing of the same pattern drawn by candles without range', () => {
    const small = engulfing.map(([o, h, l, c, v]): Shape => {
      const shrink = (price: number) => 188 + (price - 188) / 20;
      return [shrink(o), shrink(h), shrink(l), shrink(c), v];
    });
    expect(findingOf(patterns, afterFall(12, ...small))).toBeUndefined();
  });

  it('says nothing once the turn is no longer at the extreme of the move', () => {
    const later = closingAt([190.6, 191, 191.5, 192]).slice(1);
    expect(findingOf(patterns, afterFall(10, ...engulfing, ...later))).toBeUndefined();
  });
});

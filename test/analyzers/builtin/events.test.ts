import { describe, expect, it } from 'vitest';
import { donchian } from '../../../src/analyzers/builtin/donchian.js';
import { macd } from '../../../src/analyzers/builtin/macd.js';
import { momentum } from '../../../src/analyzers/builtin/momentum.js';
import { squeeze } from '../../../src/analyzers/builtin/squeeze.js';
import { supertrend } from '../../../src/analyzers/builtin/supertrend.js';
import { trend } from '../../../src/analyzers/builtin/trend.js';
import { volume } from '../../../src/analyzers/builtin/volume.js';
import type { Parameters, SeriesAnalyzer } from '../../../src/analyzers/contract.js';
import { closingAt, findingOf, mirrored, randomMarket, type Shape } from '../../support/analyzers.js';

/** Prices that go through these points in straight lines, `[candles, price]` each. */
function path(start: number, ...legs: readonly (readonly [candles: number, price: number])[]): number[] {
  const prices = [start];
  for (const [candles, price] of legs) {
    const from = prices.at(-1) as number;
    for (let step = 1; step <= candles; step++) prices.push(from + ((price - from) * step) / candles);
  }
  return prices;
}

/** Candles that a cold series starts with. */
const FIRST = 99;

/** What is found on each candle after the first, seen as it closes. */
function findingsFrom(analyzer: SeriesAnalyzer, shapes: readonly Shape[], parameters: Parameters = {}) {
  return Array.from({ length: shapes.length - FIRST }, (_, index) => FIRST + index).flatMap((at) => {
    const finding = findingOf(analyzer, shapes.slice(0, at + 1), parameters);
    return finding === undefined ? [] : [{ ...finding, at }];
  });
}

/** A last candle put in the place of the market's own. */
function withLast(
  shapes: readonly Shape[],
  last: Partial<Record<'open' | 'high' | 'low' | 'close' | 'volume', number>>,
) {
  const [open, high, low, close, traded] = shapes.at(-1) as Shape;
  const shape = { open, high, low, close, volume: traded, ...last };
  return [...shapes.slice(0, -1), [shape.open, shape.high, shape.low, shape.close, shape.volume] as const];
}

const waves = (candles: number, size: number, slowness: number) =>
  Array.from({ length: candles }, (_, i) => 200 + size * Math.sin(i / slowness));
const zigzag = (candles: number, size: number) =>
  Array.from({ length: candles }, (_, i) => 200 + (i % 2 === 0 ? size : -size));
const quiet = closingAt([...zigzag(100, 2), ...zigzag(20, 0.1)]);
const breakout = (volumes: number, close = 204): Shape[] =>
  [...closingAt([...zigzag(120, 2), close])].map(([o, h, l, c], index) => [
    o,
    h,
    l,
    c,
    index === 120 ? volumes : 1_000,
  ]);

const cases: readonly {
  readonly analyzer: SeriesAnalyzer;
  readonly event: string;
  readonly market: readonly Shape[];
  readonly says: RegExp;
  readonly nearMiss: string;
  readonly missed: readonly Shape[];
  /** Parameters that take away what keeps the near miss from being found; null when no parameter does. */
  readonly foundWith: Parameters | null;
}[] = [
  {
    analyzer: trend,
    event: 'a fall that turns into a rise',
    market: closingAt(path(200, [110, 150], [20, 190])),
    says: /^EMA 9 crossed above EMA 21; ADX \d+\.\d, \+DI \d+\.\d above −DI \d+\.\d$/,
    nearMiss: 'averages that cross without a trend',
    missed: randomMarket(13, 140),
    foundWith: { minAdx: 0 },
  },
  {
    analyzer: momentum,
    event: 'a sell-off that bounces',
    market: closingAt([...zigzag(100, 0.5), ...path(200, [12, 170], [8, 190])]),
    says: /^RSI \d+\.\d back above 30, from \d+\.\d; Stochastic %K \d+\.\d above %D \d+\.\d$/,
    nearMiss: 'a dip that is not an extreme',
    missed: closingAt([...zigzag(100, 2), ...path(200, [6, 195], [8, 205])]),
    foundWith: { extreme: 45 },
  },
  {
    analyzer: macd,
    event: 'a fall that turns into a rise',
    market: closingAt(path(200, [80, 190], [30, 150], [20, 190])),
    says: /^MACD 12\/26 crossed above its signal line 9; MACD is \d+\.\d\d ATR below zero$/,
    nearMiss: 'a cross close to zero',
    missed: closingAt(waves(160, 0.6, 4), 1),
    foundWith: { distance: 0.05 },
  },
  {
    analyzer: squeeze,
    event: 'a close outside the bands after they were tight',
    market: [...quiet, ...closingAt([200, 204, 205, 206]).slice(1)],
    says: /^Close broke \d+\.\d\d average ranges above the upper Bollinger band; Bollinger bands were inside the Keltner channel for 20 or more candles$/,
    nearMiss: 'the same close out of wide bands',
    missed: closingAt([...waves(150, 10, 3), 235]),
    foundWith: { ranges: 10 },
  },
  {
    analyzer: donchian,
    event: 'a close above the channel on three times the volume',
    market: breakout(3_000),
    says: /^Close is \d+\.\d\d ATR above the high of the 20 candles before; Volume is 3\.0 times their mean$/,
    nearMiss: 'the same close on ordinary volume',
    missed: breakout(1_500),
    foundWith: { volume: 1.4 },
  },
  {
    analyzer: supertrend,
    event: 'a fall that turns into a rise',
    market: closingAt(path(200, [110, 150], [20, 190])),
    says: /^Supertrend 10\/3 flipped up, close \d+\.\d\d ATR through its line; The down trend before lasted 40 or more candles$/,
    nearMiss: 'a pullback that does not reach the line',
    missed: closingAt(path(200, [110, 150], [4, 151.6], [20, 140])),
    foundWith: { multiplier: 1 },
  },
  {
    analyzer: volume,
    event: 'ten times the volume in a candle that closes high',
    market: withLast(closingAt(zigzag(121, 1)), { open: 199, low: 198.9, high: 201.1, close: 201, volume: 10_000 }),
    says: /^Volume is 10\.0 times its usual size, 9\.2 standard deviations above it; The candle closed up with a body of 91 % of its range$/,
    nearMiss: 'the same volume in a candle without a body',
    missed: withLast(closingAt(zigzag(121, 1)), { open: 200, low: 198.9, high: 201.1, close: 200.1, volume: 10_000 }),
    foundWith: null,
  },
];

describe.each(cases)('$analyzer.name', ({ analyzer, event, market, says, nearMiss, missed, foundWith }) => {
  const found = findingsFrom(analyzer, market);

  it(`is long on one candle of ${event}`, () => {
    expect(found.map(({ direction }) => direction)).toEqual(['long']);
    expect(found[0]?.reasons.join('; ')).toMatch(says);
    expect(found[0]?.strength).toBeGreaterThan(0.3);
  });

  it('is short, as strongly, on the same candle of the mirrored market', () => {
    const mirror = findingsFrom(analyzer, mirrored(market));
    expect(mirror.map(({ at, direction }) => ({ at, direction }))).toEqual(
      found.map(({ at }) => ({ at, direction: 'short' })),
    );
    expect(mirror[0]?.strength).toBeCloseTo(found[0]?.strength as number, 6);
  });

  it(`says nothing of ${nearMiss}, nor of its mirror`, () => {
    expect(findingsFrom(analyzer, missed)).toEqual([]);
    expect(findingsFrom(analyzer, mirrored(missed))).toEqual([]);
    if (foundWith !== null) expect(findingsFrom(analyzer, missed, foundWith)).not.toEqual([]);
  });
});

describe('donchian after candles in which nobody traded', () => {
  it('says nothing: any volume is infinitely more than none', () => {
    const awakened = breakout(3_000).map(([o, h, l, c, v], index) => [o, h, l, c, index === 120 ? v : 0] as const);
    expect(findingOf(donchian, awakened)).toBeUndefined();
    expect(findingOf(donchian, breakout(3_000))?.direction).toBe('long');
  });
});

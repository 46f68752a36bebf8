import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candlestickPatterns } from '../../../src/analyzers/indicators/patterns.js';
import type { Columns } from '../../../src/domain/series.js';
import { arbitraryCandles, candlesFrom } from '../../support/indicators.js';

type Bar = readonly [open: number, high: number, low: number, close: number];

/** Ten candles of range 1 around 100, as a measure, and then those of the pattern. */
function market(...pattern: readonly Bar[]): Columns {
  const quiet = Array.from({ length: 10 }, (): Bar => [100, 100.6, 99.6, 100.2]);
  const bars = [...quiet, ...pattern];
  const column = (index: number) => bars.map((bar) => bar[index] as number);
  return candlesFrom({ open: column(0), high: column(1), low: column(2), close: column(3) });
}

const names = (candles: Columns, count?: number) => candlestickPatterns(candles, count).map(({ name }) => name);

interface Example {
  readonly name: string;
  readonly direction: 'long' | 'short';
  readonly pattern: readonly Bar[];
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'bullishengulfingpattern',
    direction: 'long',
    pattern: [
      [100, 100.2, 98.9, 99],
      [98.9, 100.5, 98.8, 100.4],
    ],
  },
  {
    name: 'bearishengulfingpattern',
    direction: 'short',
    pattern: [
      [99, 100.2, 98.9, 100],
      [100.1, 100.3, 98.4, 98.5],
    ],
  },
  {
    name: 'bullishharami',
    direction: 'long',
    pattern: [
      [101, 101.2, 98.9, 99],
      [99.5, 100.5, 99.4, 100.4],
    ],
  },
  {
    name: 'bearishharami',
    direction: 'short',
    pattern: [
      [99, 101.2, 98.9, 101],
      [100.5, 100.6, 99.4, 99.5],
    ],
  },
  {
    name: 'bullishharamicross',
    direction: 'long',
    pattern: [
      [101, 101.2, 98.9, 99],
      [99.5, 99.9, 99.2, 99.52],
    ],
  },
  {
    name: 'bearishharamicross',
    direction: 'short',
    pattern: [
      [99, 101.2, 98.9, 101],
      [100.5, 100.8, 100.1, 100.48],
    ],
  },
  {
    name: 'piercingline',
    direction: 'long',
    pattern: [
      [101, 101.2, 98.9, 99],
      [98.7, 100.6, 98.6, 100.5],
    ],
  },
  {
    name: 'darkcloudcover',
    direction: 'short',
    pattern: [
      [99, 101.2, 98.9, 101],
      [101.4, 101.5, 99.4, 99.5],
    ],
  },
  { name: 'bullishmarubozu', direction: 'long', pattern: [[100, 102.01, 99.99, 102]] },
  { name: 'bearishmarubozu', direction: 'short', pattern: [[102, 102.01, 99.99, 100]] },
  {
    name: 'threewhitesoldiers',
    direction: 'long',
    pattern: [
      [99, 100.1, 98.9, 100],
      [99.6, 100.9, 99.5, 100.8],
      [100.4, 101.8, 100.3, 101.7],
    ],
  },
  {
    name: 'threeblackcrows',
    direction: 'short',
    pattern: [
      [102, 102.1, 100.9, 101],
      [101.5, 101.6, 100.1, 100.2],
      [100.9, 101, 99.2, 99.3],
    ],
  },
  {
    name: 'morningdojistar',
    direction: 'long',
    pattern: [
      [102, 102.1, 99.9, 100],
      [99, 99.4, 98.6, 99.02],
      [99.6, 102, 99.5, 101.8],
    ],
  },
  {
    name: 'eveningdojistar',
    direction: 'short',
    pattern: [
      [98, 100.1, 97.9, 100],
      [101, 101.4, 100.6, 101.02],
      [100.4, 100.5, 98, 98.2],
    ],
  },
  {
    name: 'abandonedbaby',
    direction: 'long',
    pattern: [
      [102, 102.1, 99.9, 100],
      [99, 99.4, 98.6, 99.02],
      [99.6, 101.9, 99.5, 101.8],
    ],
  },
];

describe('candlestick patterns', () => {
  it.each(EXAMPLES)('finds $name ($direction)', ({ name, direction, pattern }) => {
    expect(candlestickPatterns(market(...pattern))).toContainEqual({ name, direction });
  });

  it('looks at the newest candle only', () => {
    const engulfing: readonly Bar[] = [
      [100, 100.2, 98.9, 99],
      [98.9, 100.5, 98.8, 100.4],
    ];
    const candles = market(...engulfing, [100.4, 101, 99.9, 100.5]);
    expect(names(candles)).not.toContain('bullishengulfingpattern');
    expect(names(candles, 12)).toContain('bullishengulfingpattern');
  });

  it('finds none on flat candles, where every price equals every other', () => {
    expect(names(candlesFrom({ close: new Float64Array(30).fill(3) }))).toEqual([]);
    expect(names(market([100, 100, 100, 100], [100, 100, 100, 100]))).toEqual([]);
    expect(names(market([101, 101.2, 98.9, 99], [99.5, 99.5, 99.5, 99.5]))).toEqual([]);
  });

  it('finds none without ten candles to measure by', () => {
    const { close, open, high, low } = market([100, 102.01, 99.99, 102]);
    const cut = (column: Float64Array) => column.slice(1);
    expect(names(candlesFrom({ close: cut(close), open: cut(open), high: cut(high), low: cut(low) }))).toEqual([]);
    expect(names(candlesFrom({ close: [] }))).toEqual([]);
  });

  it('calls no tiny candle a marubozu, though its shadows are tiny too', () => {
    expect(names(market([100, 100.011, 99.999, 100.01]))).not.toContain('bullishmarubozu');
  });

  it('calls no candle a harami that closes outside of the body before it', () => {
    expect(names(market([101, 102, 98.9, 99], [99.5, 101.8, 99.4, 101.6]))).not.toContain('bullishharami');
  });

  it('finds the same at any price and scale', () => {
    fc.assert(
      fc.property(arbitraryCandles({ min: 12, max: 40 }), fc.integer({ min: -20, max: 20 }), (candles, exponent) => {
        const scale = (column: Float64Array) => column.map((price) => price * 2 ** exponent);
        const { open, high, low, close } = candles;
        const scaled = { ...candles, open: scale(open), high: scale(high), low: scale(low), close: scale(close) };
        expect(candlestickPatterns(scaled)).toEqual(candlestickPatterns(candles));
      }),
    );
  });
});

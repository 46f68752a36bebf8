import type { Columns } from '../../domain/series.js';
import { type TechnicalLibrary, technicalLibrary } from './technical/library.js';

export interface CandlestickPattern {
  /** Lower case, technicalindicators' name of it. */
  readonly name: string;
  readonly direction: 'long' | 'short';
}

/** Opens, highs, lows and closes of the candles of a pattern, oldest first. */
interface Shape {
  readonly open: number[];
  readonly high: number[];
  readonly low: number[];
  readonly close: number[];
}

type Detector = Exclude<
  {
    [Name in keyof TechnicalLibrary]: TechnicalLibrary[Name] extends (data: never) => boolean ? Name : never;
  }[keyof TechnicalLibrary],
  undefined
>;

interface Pattern extends CandlestickPattern {
  readonly name: Detector;
  /** Candles it spans. */
  readonly span: number;
  /** What the library forgets to ask of it. */
  readonly also?: (shape: Shape) => boolean;
}

/**
 * The patterns of technicalindicators whose code does what their name says. Left out:
 * - tweezers, hammer pattern, hanging man, shooting star: compare arrays with `>`, which compares them as text
 * - hammer sticks, spinning tops: no shadow is asked to be long, and no trend gives them a direction
 * - doji, dragonfly, gravestone: no direction of their own
 * - morning and evening star: the star's body may be of any size; their doji forms ask for a small one
 * - downside tasuki gap: listed as bullish, but it continues a fall
 */
const PATTERNS: readonly Pattern[] = [
  { name: 'bullishengulfingpattern', direction: 'long', span: 2 },
  { name: 'bearishengulfingpattern', direction: 'short', span: 2 },
  { name: 'bullishharami', direction: 'long', span: 2, also: closesInside },
  { name: 'bearishharami', direction: 'short', span: 2, also: closesInside },
  { name: 'bullishharamicross', direction: 'long', span: 2, also: closesInside },
  { name: 'bearishharamicross', direction: 'short', span: 2, also: closesInside },
  { name: 'piercingline', direction: 'long', span: 2, also: closesInside },
  { name: 'darkcloudcover', direction: 'short', span: 2 },
  { name: 'bullishmarubozu', direction: 'long', span: 1, also: isLong },
  { name: 'bearishmarubozu', direction: 'short', span: 1, also: isLong },
  { name: 'threewhitesoldiers', direction: 'long', span: 3 },
  { name: 'threeblackcrows', direction: 'short', span: 3 },
  { name: 'morningdojistar', direction: 'long', span: 3 },
  { name: 'eveningdojistar', direction: 'short', span: 3 },
  { name: 'abandonedbaby', direction: 'long', span: 3 },
];

const SPANS: readonly number[] = [...new Set(PATTERNS.map(({ span }) => span))];

/** Candles before the newest whose mean range says what is small and what is long, as in TA-Lib's candle settings. */
const YARDSTICK_CANDLES = 10;
/**
 * The library calls two prices equal when they differ by less than 0.1 % of the price, which is more than most candles
 * of 5 minutes move. Shifted and scaled so that the mean range is 1 and the newest price 100, its 0.1 % are 10 % of the
 * mean range: TA-Lib's measure of a doji body and of a missing shadow. All else that it compares stays as it is.
 */
const BASE_PRICE = 100;

/**
 * The candlestick patterns that the newest of the first `count` candles completes. None without 10 candles before it,
 * and none while the candle or those before it have no range.
 */
export function candlestickPatterns(candles: Columns, count = candles.close.length): readonly CandlestickPattern[] {
  const newest = count - 1;
  const yardstick = meanRange(candles, newest);
  if (!(yardstick > 0) || candles.high[newest] === candles.low[newest]) return [];
  const base = candles.close[newest] as number;
  const scaled = (price: number) => (price - base) / yardstick + BASE_PRICE;
  const shapes = new Map(SPANS.map((span) => [span, shapeOf(candles, count - span, count, scaled)]));
  const library = technicalLibrary();
  const found: CandlestickPattern[] = [];
  for (const { name, direction, span, also } of PATTERNS) {
    const shape = shapes.get(span) as Shape;
    if (library[name](shape) && (also === undefined || also(shape))) found.push({ name, direction });
  }
  return found;
}

/** The candles of rows `[from, to)`, every price scaled. */
function shapeOf(
  { open, high, low, close }: Columns,
  from: number,
  to: number,
  scaled: (price: number) => number,
): Shape {
  const shape: Shape = { open: [], high: [], low: [], close: [] };
  for (let row = from; row < to; row++) {
    shape.open.push(scaled(open[row] as number));
    shape.high.push(scaled(high[row] as number));
    shape.low.push(scaled(low[row] as number));
    shape.close.push(scaled(close[row] as number));
  }
  return shape;
}

/** NaN when there are not enough candles. */
function meanRange({ high, low }: Columns, newest: number): number {
  let sum = 0;
  for (let i = newest - YARDSTICK_CANDLES; i < newest; i++) sum += (high[i] ?? Number.NaN) - (low[i] ?? Number.NaN);
  return sum / YARDSTICK_CANDLES;
}

/** The second candle closes within the body of the first. */
function closesInside({ open, close }: Shape): boolean {
  const [first = 0, second = 0] = close;
  const opened = open[0] ?? 0;
  return second > Math.min(opened, first) && second < Math.max(opened, first);
}

/** The body is longer than the mean range of the candles before. */
function isLong({ open, close }: Shape): boolean {
  return Math.abs((close[0] ?? 0) - (open[0] ?? 0)) > 1;
}

import type { Columns } from '../../domain/series.js';
import type { Direction } from '../../domain/signal.js';
import { candlestickPatterns } from '../indicators/patterns.js';
import { columns, defineSeriesAnalyzer } from './define.js';
import { checkPeriods, checkPositive, newest, ramp, rmaSettled, strengthOf } from './support.js';

/** What traders call the patterns that technicalindicators finds. */
const TITLES: Readonly<Record<string, string>> = {
  bullishengulfingpattern: 'Bullish engulfing',
  bearishengulfingpattern: 'Bearish engulfing',
  bullishharami: 'Bullish harami',
  bearishharami: 'Bearish harami',
  bullishharamicross: 'Bullish harami cross',
  bearishharamicross: 'Bearish harami cross',
  piercingline: 'Piercing line',
  darkcloudcover: 'Dark cloud cover',
  bullishmarubozu: 'Bullish marubozu',
  bearishmarubozu: 'Bearish marubozu',
  threewhitesoldiers: 'Three white soldiers',
  threeblackcrows: 'Three black crows',
  morningdojistar: 'Morning doji star',
  eveningdojistar: 'Evening doji star',
  abandonedbaby: 'Abandoned baby',
};

/** Candles of a pattern; one of them holds the extreme of the move that it turns. */
const PATTERN_CANDLES = 3;

/**
 * A pattern is only looked for where it could turn something: its candles hold the extreme of a move of at least `move`
 * average ranges, and the newest one has a range of at least `range` of them.
 * Strength = 0.3 + 0.4 x size of the move, up to 3 times the least one, + 0.3 x range of the newest candle, up to 2.5
 * times the least one.
 *
 * Warm-up: the average range is seeded in row 14; (13/14)^63 < 1 %.
 */
export const patterns = defineSeriesAnalyzer({
  name: 'patterns',
  version: '1.0.0',
  description: 'A candlestick reversal pattern at the end of a move, with range',
  parameters: { candles: 10, move: 2, range: 1, atr: 14 },
  warmup(parameters) {
    checkPeriods(parameters, ['candles', 'atr'], PATTERN_CANDLES + 1);
    checkPositive(parameters, ['move', 'range']);
    return Math.max(parameters.candles + 1, rmaSettled(parameters.atr));
  },
  analyze(input, { candles, move: leastMove, range: leastRange, atr: period }) {
    const atr = newest(columns(input, 'atr', { period }).value);
    const range = (newest(input.candles.high) - newest(input.candles.low)) / atr;
    if (!(range >= leastRange)) return null;
    const { direction, size } = endedMove(input.candles, candles);
    const move = size / atr;
    if (!(move >= leastMove)) return null;
    const names = candlestickPatterns(input.candles)
      .filter((pattern) => pattern.direction === direction)
      .map(({ name }) => TITLES[name] ?? name);
    if (names.length === 0) return null;
    const before = direction === 'long' ? 'fall' : 'rise';
    return {
      direction,
      strength: strengthOf(ramp(move, leastMove, 3 * leastMove), ramp(range, leastRange, 2.5 * leastRange)),
      reasons: [
        `${names.join(', ')} after a ${before} of ${move.toFixed(1)} ATR in ${candles} candles`,
        `The newest candle has a range of ${range.toFixed(2)} ATR`,
      ],
    };
  },
});

/**
 * The move that may end in the newest candles, and where a turn leads. They reach beyond everything since its start;
 * its size is measured by closes and without the newest candle, so that a pattern is not its own move.
 */
function endedMove({ high, low, close }: Columns, candles: number): { direction: Direction; size: number } {
  const end = close.length;
  const pattern = end - PATTERN_CANDLES;
  const first = end - candles;
  const start = newest(close, candles);
  const closes = close.subarray(pattern - 1, end - 1);
  const isLow = Math.min(...low.subarray(pattern)) < Math.min(start, ...low.subarray(first, pattern));
  const isHigh = Math.max(...high.subarray(pattern)) > Math.max(start, ...high.subarray(first, pattern));
  const fall = isLow ? start - Math.min(...closes) : 0;
  const rise = isHigh ? Math.max(...closes) - start : 0;
  return fall > rise ? { direction: 'long', size: fall } : { direction: 'short', size: rise };
}

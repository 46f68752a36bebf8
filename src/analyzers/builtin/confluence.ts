import type { Direction, Finding } from '../../domain/signal.js';
import type { Timeframe } from '../../domain/timeframe.js';
import type { AnalyzerInput, Opinion } from '../contract.js';
import { columns, defineSymbolAnalyzer } from './define.js';
import { checkOrder, checkPeriods, directionOf, emaSettled, newest, sideOf } from './support.js';

/** Findings on one candle come from the same move, so each counts as half of an independent one. */
const INDEPENDENCE = 0.5;

/**
 * Several analyzers agree on the newest candle of a timeframe, none disagrees, and the trend of the longer timeframes is
 * theirs: at least one is, and none is against it. Longer timeframes only, because those of shorter ones change while
 * the candle is still the newest of its timeframe, and so would the opinion on it.
 *
 * Strength = (1 - product of (1 - strength / 2) over the findings) x (0.5 + 0.5 x share of the longer timeframes that
 * agree). Of several timeframes the one with the strongest case speaks, the longer one of equals.
 *
 * Warm-up: the slow average's seed is in row 21; (20/22)^49 < 1 %.
 */
export const confluence = defineSymbolAnalyzer({
  name: 'confluence',
  version: '1.0.0',
  description: 'Several analyzers agree on one candle and the trend of the longer timeframes is theirs',
  dependsOn: ['trend', 'momentum', 'macd', 'squeeze', 'donchian', 'supertrend', 'volume', 'patterns'],
  parameters: { fast: 9, slow: 21, findings: 2 },
  warmup(parameters) {
    checkPeriods(parameters, ['fast', 'slow', 'findings']);
    checkOrder(parameters, 'fast', 'slow');
    return emaSettled(parameters.slow);
  },
  analyze(input, { fast, slow, findings: least }) {
    let best: (Opinion & { readonly timeframe: Timeframe }) | null = null;
    for (const [index, timeframe] of input.timeframes.entries()) {
      const found = agreeing(input.findings(timeframe), least);
      if (found === null) continue;
      const trends = new Map(
        input.timeframes.slice(index + 1).map((longer) => [longer, trendOf(input.series(longer), fast, slow)]),
      );
      const opinion = judge(found, trends, `EMA ${fast}/${slow}`);
      if (opinion !== null && opinion.strength >= (best?.strength ?? 0)) best = { ...opinion, timeframe };
    }
    return best;
  },
});

type Trends = ReadonlyMap<Timeframe, Direction | null>;

/** The findings of one candle when there are enough of them and all have the same direction. */
function agreeing(findings: readonly Finding[], least: number): readonly [Finding, ...Finding[]] | null {
  const [first, ...others] = findings;
  if (first === undefined || findings.length < least) return null;
  return others.every(({ direction }) => direction === first.direction) ? [first, ...others] : null;
}

function trendOf(series: AnalyzerInput, fast: number, slow: number): Direction | null {
  const difference =
    newest(columns(series, 'ema', { period: fast }).value) - newest(columns(series, 'ema', { period: slow }).value);
  const side = sideOf(difference);
  return side === null ? null : directionOf(side);
}

function judge(findings: readonly [Finding, ...Finding[]], trends: Trends, average: string): Opinion | null {
  const { direction } = findings[0];
  const agreeingTrends = [...trends].filter(([, trend]) => trend === direction).map(([timeframe]) => timeframe);
  const opposed = [...trends.values()].some((trend) => trend !== null && trend !== direction);
  if (agreeingTrends.length === 0 || opposed) return null;
  const doubt = findings.reduce((product, { strength }) => product * (1 - INDEPENDENCE * strength), 1);
  const [side, names] = [direction === 'long' ? 'up' : 'down', findings.map(({ analyzer }) => analyzer).join(', ')];
  return {
    direction,
    strength: (1 - doubt) * (0.5 + (0.5 * agreeingTrends.length) / trends.size),
    reasons: [
      `${findings.length} analyzers agree: ${names}`,
      `The trend of ${agreeingTrends.join(' and ')} is ${side} (${average})`,
    ],
  };
}

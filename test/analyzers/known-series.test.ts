import { describe, expect, it } from 'vitest';
import type { KnownSeries } from '../../src/analyzers/contract.js';
import { analyzeBatch } from '../../src/analyzers/runner.js';
import type { SeriesWindow } from '../../src/domain/series.js';
import { active, allBuiltIns, fakeAnalyzer, opinion, randomMarket, START, windowOf } from '../support/analyzers.js';

const TIMEFRAMES = ['5m', '15m', '1h'] as const;
const BUILT_INS = allBuiltIns();
const OF_SERIES = new Set(
  BUILT_INS.filter(({ analyzer }) => analyzer.kind === 'series').map(({ analyzer }) => analyzer.name),
);

function windowsOf(symbols: number): SeriesWindow[] {
  return Array.from({ length: symbols }, (_, symbol) =>
    TIMEFRAMES.map((timeframe, index) => windowOf(randomMarket(3 * symbol + index, 120), `S${symbol}`, timeframe)),
  ).flat();
}

describe('a series that is known', () => {
  it('gives what it gave when it was analyzed, to confluence as well, whichever timeframes are known', () => {
    const series = windowsOf(300);
    const fresh = analyzeBatch({ slot: START, series }, BUILT_INS);
    expect(fresh.findings.some(({ analyzer }) => analyzer === 'confluence')).toBe(true);
    for (const timeframes of [['15m', '1h'], ['5m'], [...TIMEFRAMES]]) {
      const known = series
        .filter(({ timeframe }) => timeframes.includes(timeframe))
        .map(({ symbol, timeframe }): KnownSeries => {
          const findings = fresh.findings.filter(
            (finding) =>
              finding.symbol === symbol && finding.timeframe === timeframe && OF_SERIES.has(finding.analyzer),
          );
          return { symbol, timeframe, findings: structuredClone(findings) };
        });
      const again = analyzeBatch({ slot: START, series, known }, BUILT_INS);
      expect(again.findings).toEqual(fresh.findings);
      expect(again.withheld).toEqual(fresh.withheld);
    }
  });

  it('is looked at by no series analyzer', () => {
    const seen: string[] = [];
    const spy = fakeAnalyzer('a', ({ timeframe }) => {
      seen.push(timeframe);
      return opinion();
    });
    const known: KnownSeries[] = [{ symbol: 'S0', timeframe: '1h', findings: [] }];
    const { findings } = analyzeBatch({ slot: START, series: windowsOf(1), known }, active([spy]));
    expect(seen).toEqual(['5m', '15m']);
    expect(findings.map(({ timeframe }) => timeframe)).toEqual(['5m', '15m']);
  });
});

import { describe, expect, it } from 'vitest';
import type { SkipReason } from '../../src/pipeline/source.js';
import { cycleRecord } from '../../src/scheduler/cycle-record.js';
import { outcomeOf } from '../../src/scheduler/outcome.js';
import type { CycleReport } from '../../src/scheduler/report.js';
import { SLOT, tickOf } from '../support/slots.js';

const skip = (reason: SkipReason, symbol = 'AUSDT') =>
  ({ symbol, timeframe: '5m', reason, have: 0, need: 35 }) as const;
const symbolsOf = (analyzed: number, ...reasons: SkipReason[]) => ({
  symbols: { total: 3, analyzed, skipped: reasons.map((reason) => skip(reason)) },
});

describe('outcomeOf', () => {
  it.each([
    ['complete', symbolsOf(3)],
    ['complete', symbolsOf(2, 'warmup', 'delisted')],
    ['partial', symbolsOf(2, 'warmup', 'timeout')],
    ['partial', symbolsOf(1, 'budget')],
    ['failed', symbolsOf(0, 'timeout')],
    ['failed', symbolsOf(0, 'warmup')],
    ['complete', { symbols: { total: 0, analyzed: 0, skipped: [] } }],
  ] as const)('is %s for %j', (outcome, report) => {
    expect(outcomeOf(report)).toBe(outcome);
  });
});

describe('cycleRecord', () => {
  it('says in counts what the report says in lists', () => {
    const withheld = { symbol: 'CUSDT', timeframe: '5m', reason: 'halted', have: 99, need: 35 } as const;
    const report: CycleReport = {
      slot: SLOT,
      startedAt: SLOT + 5,
      durationMs: 812,
      symbols: { total: 3, analyzed: 2, skipped: [skip('timeout'), skip('timeout', 'BUSDT'), skip('gap')] },
      withheld: [withheld],
      stages: { historyMs: 1, streamMs: 2, restMs: 3, analyzeMs: 4, publishMs: 5 },
      candles: { cache: 0, history: 0, stream: 0, rest: 0, derived: 0, rejected: 7, rejectedBy: { range: 7 } },
      gaps: { repaired: 1, unrepaired: 2 },
      analyzers: [],
      failures: [
        { analyzer: 'trend', reason: 'threw', message: 'no', count: 4 },
        { analyzer: 'macd', reason: 'budget', message: 'no', count: 2 },
      ],
      signals: [],
    };
    const extras = {
      requests: 9,
      weight: 11,
      signals: { provisional: 1, confirmed: 2, revoked: 3, amended: 4 },
      arrivalToPublished: null,
    };
    expect(cycleRecord(report, { ...tickOf(SLOT), delayMs: 3_000, late: true, missed: 2 }, extras)).toEqual({
      slot: SLOT,
      startedAt: SLOT + 5,
      durationMs: 812,
      outcome: 'partial',
      reason: 'slot',
      delayMs: 3_000,
      late: true,
      missed: 2,
      symbols: { total: 3, analyzed: 2, skipped: 1 },
      skippedSeries: { timeout: 2, gap: 1 },
      withheldSeries: 1,
      stages: report.stages,
      gaps: report.gaps,
      rejectedCandles: 7,
      analyzerFailures: 6,
      ...extras,
    });
  });
});

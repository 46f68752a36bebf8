import type { ScanOutcome } from '../scanner.js';
import type { CycleReport } from '../scheduler/report.js';
import { signalReport } from '../signals/report.js';

/** The report of one scan as `scan --json` prints it; fields are only ever added. */
export function scanReport(outcome: ScanOutcome, loopDelayP99Ms: number) {
  const { cycle, requests, universe, cache } = outcome;
  return {
    schema: 1,
    exchange: outcome.exchange,
    slot: new Date(cycle.slot).toISOString(),
    startedAt: new Date(outcome.startedAt).toISOString(),
    durationMs: round(outcome.durationMs),
    timeframes: outcome.timeframes,
    symbols: cycle.symbols,
    excluded: universe.excluded,
    withheld: cycle.withheld,
    stages: {
      universeMs: round(outcome.universeMs),
      cacheMs: round(outcome.cacheMs),
      ...rounded(cycle.stages),
    },
    requests,
    plan: { ...outcome.plan, slot: new Date(outcome.plan.slot).toISOString() },
    candles: cycle.candles,
    gaps: cycle.gaps,
    cache: { ...cache, results: outcome.results },
    analyzers: cycle.analyzers.map((run) => ({ ...run, durationMs: round(run.durationMs) })),
    failures: cycle.failures,
    signals: cycle.signals.map(signalReport),
    process: {
      /** Peak resident memory. */
      maxRssBytes: process.resourceUsage().maxRSS * 1024,
      loopDelayP99Ms: round(loopDelayP99Ms),
    },
    warnings: outcome.warnings,
  };
}

export type ScanReport = ReturnType<typeof scanReport>;

function rounded(stages: CycleReport['stages']): CycleReport['stages'] {
  return Object.fromEntries(Object.entries(stages).map(([stage, ms]) => [stage, round(ms)])) as CycleReport['stages'];
}

/** Microseconds are noise in a report. */
function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

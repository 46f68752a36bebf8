import type { Slot } from '../domain/slot.js';
import type { SkipReason } from '../pipeline/source.js';
import type { LatencySummary } from './latencies.js';
import { type CycleOutcome, outcomeOf } from './outcome.js';
import type { CycleReport } from './report.js';
import type { SlotTick } from './slot-loop.js';

/** What one slot's cycle published. */
export interface PublishedCounts {
  readonly provisional: number;
  readonly confirmed: number;
  readonly revoked: number;
  readonly amended: number;
}

/** A cycle in short: one line of the log, and one item of the history. Durations are milliseconds. */
export interface CycleRecord {
  readonly slot: Slot;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: CycleOutcome;
  readonly reason: SlotTick['reason'];
  /** How far after the slot it began. */
  readonly delayMs: number;
  readonly late: boolean;
  /** Slots before it that never ran. */
  readonly missed: number;
  readonly symbols: { readonly total: number; readonly analyzed: number; readonly skipped: number };
  /** Series left out, by why. */
  readonly skippedSeries: Readonly<Partial<Record<SkipReason, number>>>;
  readonly withheldSeries: number;
  readonly stages: CycleReport['stages'];
  /** Requests to the exchange while it ran, and their weight. */
  readonly requests: number;
  readonly weight: number;
  readonly gaps: CycleReport['gaps'];
  readonly rejectedCandles: number;
  readonly analyzerFailures: number;
  readonly signals: PublishedCounts;
  /** From the last candle of a batch to the publication of what was found in it; null when nothing came meanwhile. */
  readonly arrivalToPublished: LatencySummary | null;
}

export interface CycleExtras {
  readonly requests: number;
  readonly weight: number;
  readonly signals: PublishedCounts;
  readonly arrivalToPublished: LatencySummary | null;
}

export function cycleRecord(report: CycleReport, tick: SlotTick, extras: CycleExtras): CycleRecord {
  const { slot, startedAt, durationMs, symbols, withheld, stages, gaps, candles, failures } = report;
  const skippedSeries: Partial<Record<SkipReason, number>> = {};
  for (const { reason } of symbols.skipped) skippedSeries[reason] = (skippedSeries[reason] ?? 0) + 1;
  return {
    slot,
    startedAt,
    durationMs,
    outcome: outcomeOf(report),
    reason: tick.reason,
    delayMs: tick.delayMs,
    late: tick.late,
    missed: tick.missed,
    symbols: { total: symbols.total, analyzed: symbols.analyzed, skipped: symbols.total - symbols.analyzed },
    skippedSeries,
    withheldSeries: withheld.length,
    stages,
    gaps,
    rejectedCandles: candles.rejected,
    analyzerFailures: failures.reduce((sum, { count }) => sum + count, 0),
    ...extras,
  };
}

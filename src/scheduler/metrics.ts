import type { MetricRegistry } from '../lib/metrics.js';
import type { SkipReason } from '../pipeline/source.js';
import { CYCLE_OUTCOMES, type CycleOutcome, outcomeOf } from './outcome.js';
import type { CycleReport } from './report.js';

const STAGES = ['universe', 'cache', 'history', 'stream', 'rest', 'analyze', 'publish'] as const;
const SKIPS: Readonly<Record<SkipReason, true>> = {
  warmup: true,
  gap: true,
  stale: true,
  rejected: true,
  delisted: true,
  timeout: true,
  budget: true,
};
/** From a warm cycle to twice its default deadline. */
const CYCLE_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];
const STAGE_BUCKETS = [0.01, 0.05, 0.25, 1, 2.5, 5, 10, 30];

export interface CycleMetrics {
  /** A cycle gave its report; `failed` ones by `outcomeOf` do not count as completed. */
  reported(report: CycleReport): void;
  /** A cycle ended without a report. */
  failed(): void;
  /** Slots went by without a cycle. */
  missed(count: number): void;
  /** Work for cycles that is done before or between them. */
  prepared(stage: 'universe' | 'cache', durationMs: number): void;
}

/** `slotMs`: from one slot to the next, so that alerts can count in slots. */
export function cycleMetrics(registry: MetricRegistry, { slotMs }: { readonly slotMs: number }): CycleMetrics {
  const duration = registry.histogram({
    name: 'cycle_duration_seconds',
    help: 'Time that a cycle took.',
    buckets: CYCLE_BUCKETS,
  });
  const stages = registry.histogram({
    name: 'cycle_stage_duration_seconds',
    help: 'Time that a stage took; stages overlap, and analyze adds up all workers.',
    labels: { stage: STAGES },
    buckets: STAGE_BUCKETS,
  });
  const cycles = registry.counter({
    name: 'cycles_total',
    help: 'Cycles, by how they ended.',
    labels: { outcome: CYCLE_OUTCOMES },
  });
  const missed = registry.counter({ name: 'cycles_missed_total', help: 'Slots that never had a cycle.' });
  const market = marketMetrics(registry);
  registry.gauge({ name: 'slot_interval_seconds', help: 'From one slot to the next.' }).set(slotMs / 1000);

  return {
    reported(report) {
      const outcome = outcomeOf(report);
      cycles.inc(1, { outcome });
      duration.observe(report.durationMs / 1000);
      for (const stage of ['history', 'stream', 'rest', 'analyze', 'publish'] as const) {
        stages.observe(report.stages[`${stage}Ms`] / 1000, { stage });
      }
      market(report, outcome);
    },
    failed: () => cycles.inc(1, { outcome: 'failed' }),
    missed: (count) => missed.inc(count),
    prepared: (stage, durationMs) => stages.observe(durationMs / 1000, { stage }),
  };
}

/** What the newest cycle saw of the market. */
function marketMetrics(registry: MetricRegistry): (report: CycleReport, outcome: CycleOutcome) => void {
  const completed = registry.gauge({
    name: 'cycle_last_completed_timestamp_seconds',
    help: 'When the newest cycle that was not failed ended (Unix time, local clock); 0 before the first one.',
  });
  const slot = registry.gauge({
    name: 'cycle_last_completed_slot_seconds',
    help: 'Slot of the newest cycle that was not failed (Unix time): candles up to then are known.',
  });
  const symbols = registry.gauge({
    name: 'symbols',
    help: 'Symbols that the newest cycle analyzed (active) or could not analyze on any timeframe (skipped).',
    labels: { state: ['active', 'skipped'] },
  });
  const skipped = registry.gauge({
    name: 'series_skipped',
    help: 'Series that the newest cycle left out, by why.',
    labels: { reason: Object.keys(SKIPS) },
  });

  return (report, outcome) => {
    const { total, analyzed, skipped: left } = report.symbols;
    symbols.set(analyzed, { state: 'active' });
    symbols.set(total - analyzed, { state: 'skipped' });
    for (const reason of Object.keys(SKIPS)) {
      skipped.set(left.filter((skip) => skip.reason === reason).length, { reason });
    }
    if (outcome === 'failed') return;
    completed.set((report.startedAt + report.durationMs) / 1000);
    slot.set(report.slot / 1000);
  };
}

/** What disturbs a schedule: the process was stopped, its event loop was late, somebody set the wall clock. */
export interface Disturbances {
  readonly pausesTotal: number;
  readonly lagTotal: number;
  readonly jumpsTotal: number;
}

export interface ClockReaders {
  /** Local clock minus the exchange's. */
  readonly skewMs: () => number;
  readonly disturbances: () => Disturbances;
}

/** How true the clocks are, read at each scrape. */
export function clockMetrics(registry: MetricRegistry, { skewMs, disturbances }: ClockReaders): void {
  const skew = registry.gauge({ name: 'clock_skew_seconds', help: 'Local clock minus the clock of the exchange.' });
  const disturbed = registry.counter({
    name: 'clock_disturbances_total',
    help: 'The process was stopped (pause), its event loop was late (lag), the wall clock was set (jump).',
    labels: { kind: ['pause', 'lag', 'jump'] },
  });
  registry.onScrape(() => {
    skew.set(skewMs() / 1000);
    const { pausesTotal, lagTotal, jumpsTotal } = disturbances();
    disturbed.follow([pausesTotal, { kind: 'pause' }], [lagTotal, { kind: 'lag' }], [jumpsTotal, { kind: 'jump' }]);
  });
}

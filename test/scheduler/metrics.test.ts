import { describe, expect, it } from 'vitest';
import type { SkipReason } from '../../src/pipeline/source.js';
import { outcomeOf } from '../../src/scheduler/outcome.js';
import { cycleReport, fedRegistry, scraped } from '../support/metrics.js';

function symbolsWith(reason: SkipReason, analyzed = 1) {
  return { total: 2, analyzed, skipped: [{ symbol: 'AUSDT', timeframe: '1h', reason, have: 1, need: 9 } as const] };
}

describe('outcomeOf', () => {
  it.each<[SkipReason, string]>([
    ['warmup', 'complete'],
    ['delisted', 'complete'],
    ['gap', 'partial'],
    ['stale', 'partial'],
    ['rejected', 'partial'],
    ['timeout', 'partial'],
    ['budget', 'partial'],
  ])('calls a cycle that skipped a series for %s %s', (reason, outcome) => {
    expect(outcomeOf({ symbols: symbolsWith(reason) })).toBe(outcome);
  });

  it('calls a cycle that could analyze nothing failed, and one without symbols complete', () => {
    expect(outcomeOf({ symbols: symbolsWith('timeout', 0) })).toBe('failed');
    expect(outcomeOf({ symbols: { total: 0, analyzed: 0, skipped: [] } })).toBe('complete');
  });
});

describe('cycleMetrics', () => {
  it('records a cycle: its time, stages, symbols, and when it completed', async () => {
    const { registry, cycles } = fedRegistry();
    cycles.prepared('universe', 300);
    cycles.reported(cycleReport({ symbols: symbolsWith('timeout') }));
    const series = await scraped(registry);
    expect(series.get('candlescan_cycles_total{outcome="partial"}')).toBe(1);
    expect(series.get('candlescan_cycle_duration_seconds_sum')).toBe(1.5);
    expect(series.get('candlescan_cycle_stage_duration_seconds_sum{stage="rest"}')).toBe(0.9);
    expect(series.get('candlescan_cycle_stage_duration_seconds_sum{stage="universe"}')).toBe(0.3);
    expect(series.get('candlescan_cycle_stage_duration_seconds_count{stage="cache"}')).toBe(0);
    expect(series.get('candlescan_cycle_last_completed_timestamp_seconds')).toBe(
      Date.UTC(2026, 0, 1, 0, 5, 3, 500) / 1000,
    );
    expect(series.get('candlescan_cycle_last_completed_slot_seconds')).toBe(Date.UTC(2026, 0, 1, 0, 5) / 1000);
    expect(series.get('candlescan_symbols{state="active"}')).toBe(1);
    expect(series.get('candlescan_symbols{state="skipped"}')).toBe(1);
    expect(series.get('candlescan_series_skipped{reason="timeout"}')).toBe(1);
    expect(series.get('candlescan_slot_interval_seconds')).toBe(300);
  });

  it('forgets what the cycle before had skipped', async () => {
    const { registry, cycles } = fedRegistry();
    cycles.reported(cycleReport({ symbols: symbolsWith('timeout') }));
    cycles.reported(cycleReport());
    const series = await scraped(registry);
    expect(series.get('candlescan_series_skipped{reason="timeout"}')).toBe(0);
    expect(series.get('candlescan_symbols{state="skipped"}')).toBe(0);
  });

  it('counts a cycle that failed, with a report or without, as not completed', async () => {
    const { registry, cycles } = fedRegistry();
    cycles.reported(cycleReport({ symbols: symbolsWith('budget', 0) }));
    cycles.failed();
    const series = await scraped(registry);
    expect(series.get('candlescan_cycles_total{outcome="failed"}')).toBe(2);
    expect(series.get('candlescan_cycle_last_completed_timestamp_seconds')).toBe(0);
  });

  it('T3: counts the slots that never had a cycle', async () => {
    const { registry, cycles } = fedRegistry();
    cycles.missed(2);
    cycles.missed(1);
    expect((await scraped(registry)).get('candlescan_cycles_missed_total')).toBe(3);
  });
});

describe('clockMetrics', () => {
  it('P5, P11, T1: shows the skew in seconds and what disturbed the clocks', async () => {
    const { registry, stats } = fedRegistry();
    stats.skewMs = -2_500;
    stats.disturbances = { pausesTotal: 1, lagTotal: 4, jumpsTotal: 2 };
    const series = await scraped(registry);
    expect(series.get('candlescan_clock_skew_seconds')).toBe(-2.5);
    expect(series.get('candlescan_clock_disturbances_total{kind="pause"}')).toBe(1);
    expect(series.get('candlescan_clock_disturbances_total{kind="lag"}')).toBe(4);
    expect(series.get('candlescan_clock_disturbances_total{kind="jump"}')).toBe(2);
  });
});

import { describe, expect, it } from 'vitest';
import type { SignalChange, SignalRecord } from '../../src/signals/contract.js';
import { fedRegistry, scraped } from '../support/metrics.js';

const CLOSE = Date.UTC(2026, 0, 1, 0, 5);

function change(kind: SignalChange['kind'], after: Partial<SignalRecord>): SignalChange {
  const record: SignalRecord = {
    id: '0'.repeat(32),
    symbol: 'BTCUSDT',
    timeframe: '5m',
    analyzer: 'trend',
    version: '1.0.0',
    direction: 'long',
    strength: 0.5,
    price: 1,
    candleCloseTime: CLOSE,
    reasons: ['up'],
    inputDigest: '0'.repeat(32),
    status: 'confirmed',
    slot: CLOSE,
    publishedAt: CLOSE + 800,
    latencyMs: 800,
    late: false,
    revision: 0,
    updatedAt: CLOSE + 800,
    confirmedAt: null,
    revokedAt: null,
    ...after,
  };
  return { kind, record };
}

describe('signalMetrics', () => {
  it('measures from the close of the candle to each status that was published, and no amendment or revocation', async () => {
    const { registry, signals } = fedRegistry();
    signals.published([
      change('published', { status: 'provisional' }),
      change('confirmed', { status: 'confirmed', updatedAt: CLOSE + 2_900 }),
      change('amended', { updatedAt: CLOSE + 900_000 }),
      change('revoked', { status: 'revoked', updatedAt: CLOSE + 900_000 }),
    ]);
    const series = await scraped(registry);
    expect(series.get('candlescan_signal_latency_seconds_sum{status="provisional"}')).toBe(0.8);
    expect(series.get('candlescan_signal_latency_seconds_sum{status="confirmed"}')).toBe(2.9);
    expect(series.get('candlescan_signal_latency_seconds_count{status="confirmed"}')).toBe(1);
    expect(series.has('candlescan_signal_latency_seconds_count{status="other"}')).toBe(false);
  });

  it('follows how often signals reached a status, and counts how they ended', async () => {
    const { registry, stats, signals } = fedRegistry();
    stats.signals.signals = [
      { analyzer: 'trend', direction: 'long', status: 'confirmed', count: 7 },
      { analyzer: 'of-a-plugin', direction: 'short', status: 'revoked', count: 2 },
      { analyzer: 'of-another', direction: 'short', status: 'revoked', count: 3 },
    ];
    signals.expired({ analyzer: 'trend', timeframe: '15m' }, 'hit');
    const series = await scraped(registry);
    expect(series.get('candlescan_signals_total{analyzer="trend",direction="long",status="confirmed"}')).toBe(7);
    expect(series.get('candlescan_signals_total{analyzer="other",direction="short",status="revoked"}')).toBe(5);
    expect(series.get('candlescan_signal_outcome_total{analyzer="trend",timeframe="15m",outcome="hit"}')).toBe(1);
  });

  it('D1: shows signals that are not safe, for how long, and why', async () => {
    const { registry, stats } = fedRegistry();
    Object.assign(stats.signals, { unsaved: 12, oldestUnsavedAgeMs: 90_000, refused: 3, diskFull: true, damaged: 1 });
    Object.assign(stats.signals, { writeErrors: { ENOSPC: 4 }, bytes: 1_000 });
    const series = await scraped(registry);
    expect(series.get('candlescan_signals_unsaved')).toBe(12);
    expect(series.get('candlescan_signals_unsaved_age_seconds')).toBe(90);
    expect(series.get('candlescan_signals_unsaved_dropped_total')).toBe(3);
    expect(series.get('candlescan_signals_disk_full')).toBe(1);
    expect(series.get('candlescan_signals_size_bytes')).toBe(1_000);
    expect(series.get('candlescan_signals_damaged_lines_total')).toBe(1);
    expect(series.get('candlescan_signals_write_errors_total{code="ENOSPC"}')).toBe(4);
  });
});

describe('notificationMetrics', () => {
  it('N4: counts what became of notifications and shows what waits, per sink', async () => {
    const { registry, stats, notified } = fedRegistry({ sinks: ['ops', 'me'] });
    stats.queued = 17;
    notified('ops', 'delivered');
    notified('ops', 'dropped');
    notified('unknown', 'failed');
    const series = await scraped(registry);
    expect(series.get('candlescan_notifications_total{sink="ops",result="delivered"}')).toBe(1);
    expect(series.get('candlescan_notifications_total{sink="ops",result="dropped"}')).toBe(1);
    expect(series.get('candlescan_notifications_total{sink="me",result="dropped"}')).toBe(0);
    expect(series.get('candlescan_notifications_total{sink="other",result="failed"}')).toBe(1);
    expect(series.get('candlescan_notification_queue_size{sink="me"}')).toBe(17);
  });

  it('adds up the queues of the sinks that have no series of their own', async () => {
    const { registry, stats } = fedRegistry({ sinks: Array.from({ length: 15 }, (_, index) => `sink${index}`) });
    stats.queued = 2;
    expect((await scraped(registry)).get('candlescan_notification_queue_size{sink="other"}')).toBe(6);
  });
});

describe('evidenceMetrics', () => {
  it('shows the jobs by status', async () => {
    const { registry, stats } = fedRegistry();
    stats.evidence = { pending: 1, processing: 2, completed: 3, failed: 4 };
    const series = await scraped(registry);
    expect(series.get('candlescan_evidence_jobs{status="pending"}')).toBe(1);
    expect(series.get('candlescan_evidence_jobs{status="failed"}')).toBe(4);
  });
});

import type { Direction, Signal, SignalStatus } from '../domain/signal.js';
import type { MetricRegistry } from '../lib/metrics.js';
import type { LogStats, SignalChange, SignalStats } from './contract.js';

const DIRECTIONS: Readonly<Record<Direction, true>> = { long: true, short: true };
const STATUSES: Readonly<Record<SignalStatus, true>> = {
  provisional: true,
  confirmed: true,
  revoked: true,
  expired: true,
};
const DELIVERIES = ['delivered', 'retried', 'failed', 'dropped'] as const;
const JOB_STATUSES = ['pending', 'processing', 'completed', 'failed'] as const;
const WRITE_ERRORS = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE'];
/** From the frame that closes a candle, 0.2 s after it at best, over the settle time to a cycle's deadline. */
const LATENCY_BUCKETS = [0.25, 0.5, 1, 2, 3, 4, 5, 7.5, 10, 20, 40];

/** Every one of these multiplies the others. */
const MOST_ANALYZERS = 12;
const MOST_TIMEFRAMES = 6;
const MOST_SINKS = 12;

export interface SignalMetricsOptions {
  /** The first 12 and the first 6 get series of their own, the rest is `other`. */
  readonly analyzers: readonly string[];
  readonly timeframes: readonly string[];
  /** Read at each scrape. */
  readonly stats: () => SignalStats;
}

export interface SignalMetrics {
  /** An update was published. */
  published(changes: readonly SignalChange[]): void;
  /** A signal expired, and what it said came true (`hit`) or did not. */
  expired(signal: Pick<Signal, 'analyzer' | 'timeframe'>, outcome: 'hit' | 'miss'): void;
}

export function signalMetrics(
  registry: MetricRegistry,
  { analyzers, timeframes, stats }: SignalMetricsOptions,
): SignalMetrics {
  const analyzer = analyzers.slice(0, MOST_ANALYZERS);
  const timeframe = timeframes.slice(0, MOST_TIMEFRAMES);
  const signals = registry.counter({
    name: 'signals_total',
    help: 'Signals that reached a status.',
    labels: { analyzer, direction: Object.keys(DIRECTIONS), status: Object.keys(STATUSES) },
  });
  const latency = registry.histogram({
    name: 'signal_latency_seconds',
    help: 'From the close of the candle until the signal was published with this status.',
    labels: { status: ['provisional', 'confirmed'] },
    buckets: LATENCY_BUCKETS,
  });
  const outcomes = registry.counter({
    name: 'signal_outcome_total',
    help: 'Expired signals, by whether what they said came true.',
    labels: { analyzer, timeframe, outcome: ['hit', 'miss'] },
  });
  const amended = registry.counter({ name: 'signals_amended_total', help: 'Signals that came to say something else.' });
  const log = logMetrics(registry);

  registry.onScrape(() => {
    const now = stats();
    signals.follow(
      ...now.signals.map(({ count, analyzer, direction, status }) => [count, { analyzer, direction, status }] as const),
    );
    amended.follow([now.amended]);
    log(now);
  });
  return {
    published(changes) {
      for (const { kind, record } of changes) {
        const { status, candleCloseTime, updatedAt } = record;
        if (kind !== 'published' && kind !== 'confirmed') continue;
        latency.observe((updatedAt - candleCloseTime) / 1000, { status });
      }
    },
    expired: ({ analyzer, timeframe }, outcome) => outcomes.inc(1, { analyzer, timeframe, outcome }),
  };
}

/** Whether what was published is safe. */
function logMetrics(registry: MetricRegistry): (stats: LogStats) => void {
  const unsaved = registry.gauge({ name: 'signals_unsaved', help: 'Changes of signals that wait for the disk.' });
  const age = registry.gauge({ name: 'signals_unsaved_age_seconds', help: 'How long the oldest of them has waited.' });
  const dropped = registry.counter({
    name: 'signals_unsaved_dropped_total',
    help: 'Changes of signals that will never be on disk, because too many waited for it.',
  });
  const full = registry.gauge({ name: 'signals_disk_full', help: '1 while the disk has no room for signals.' });
  const size = registry.gauge({ name: 'signals_size_bytes', help: 'Size of the signals on disk.' });
  const damaged = registry.counter({
    name: 'signals_damaged_lines_total',
    help: 'Lines on disk that are not as they were written.',
  });
  const errors = registry.counter({
    name: 'signals_write_errors_total',
    help: 'Failed writes and removals of signals, by error code.',
    labels: { code: WRITE_ERRORS },
  });

  return (stats) => {
    unsaved.set(stats.unsaved);
    age.set(stats.oldestUnsavedAgeMs / 1000);
    dropped.follow([stats.refused]);
    full.set(Number(stats.diskFull));
    size.set(stats.bytes);
    damaged.follow([stats.damaged]);
    errors.follow(...Object.entries(stats.writeErrors).map(([code, total]) => [total, { code }] as const));
  };
}

export type Delivery = (typeof DELIVERIES)[number];

/** `queued`: what waits for a sink, read at each scrape. What is returned counts what became of a notification. */
export function notificationMetrics(
  registry: MetricRegistry,
  sinks: readonly string[],
  queued: (sink: string) => number,
): (sink: string, result: Delivery) => void {
  const notifications = registry.counter({
    name: 'notifications_total',
    help: 'Notifications, by what became of them.',
    labels: { sink: sinks.slice(0, MOST_SINKS), result: DELIVERIES },
  });
  const queue = registry.gauge({
    name: 'notification_queue_size',
    help: 'Notifications that wait for a sink.',
    labels: { sink: sinks.slice(0, MOST_SINKS) },
  });
  registry.onScrape(() => queue.setAll(...sinks.map((sink) => [queued(sink), { sink }] as const)));
  return (sink, result) => notifications.inc(1, { sink, result });
}

/** Jobs that study confirmed signals, read at each scrape. */
export function evidenceMetrics(
  registry: MetricRegistry,
  jobs: () => Readonly<Record<(typeof JOB_STATUSES)[number], number>>,
): void {
  const gauge = registry.gauge({ name: 'evidence_jobs', help: 'Jobs by status.', labels: { status: JOB_STATUSES } });
  registry.onScrape(() => {
    const counts = jobs();
    for (const status of JOB_STATUSES) gauge.set(counts[status], { status });
  });
}

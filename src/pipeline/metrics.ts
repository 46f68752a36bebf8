import { REFUSALS, SOURCES } from '../domain/candle.js';
import type { MetricRegistry } from '../lib/metrics.js';
import type { LiveStats } from './live/live-candles.js';
import type { OnAnswered } from './rest/kline-source.js';

export interface CandleReaders {
  /** Null while nothing is streamed. */
  readonly live: () => LiveStats | null;
  /** Candles that the cache has brought from disk. */
  readonly cached: () => number;
}

/** What is returned is for `onAnswered` of the sources over REST; everything else is read at each scrape. */
export function candleMetrics(registry: MetricRegistry, { live, cached }: CandleReaders): OnAnswered {
  const candles = registry.counter({
    name: 'candles_total',
    help: 'Closed candles taken into series, by where they came from.',
    labels: { source: SOURCES },
  });
  const rejected = registry.counter({
    name: 'candles_rejected_total',
    help: 'Candles refused, by what was wrong; frame: a frame of the stream that fits into no series.',
    labels: { reason: [...REFUSALS.filter((reason) => reason !== 'gap'), 'frame'] },
  });
  const gaps = registry.counter({
    name: 'series_gaps_total',
    help: 'Holes found in series, by whether asking again closed them.',
    labels: { outcome: ['repaired', 'unrepaired'] },
  });
  const mismatches = registry.counter({
    name: 'candle_mismatches_total',
    help: 'Derived candles that the exchange has otherwise; each was replaced.',
  });
  const audited = registry.counter({
    name: 'candle_audits_total',
    help: 'Derived candles compared with the exchange.',
  });
  const revised = registry.counter({
    name: 'candle_revisions_total',
    help: 'Candles held of which the exchange said something else later, and the derived ones that changed with them.',
  });

  registry.onScrape(() => {
    candles.follow([cached(), { source: 'cache' }]);
    const stats = live();
    if (stats === null) return;
    const { flag, later } = stats.closed;
    candles.follow([flag + later, { source: 'stream' }], [stats.derived, { source: 'derived' }]);
    rejected.follow([stats.refused, { reason: 'frame' }]);
    gaps.follow([stats.gaps.repaired, { outcome: 'repaired' }], [stats.gaps.unrepaired, { outcome: 'unrepaired' }]);
    mismatches.follow([stats.mismatches]);
    audited.follow([stats.audited]);
    revised.follow([stats.revised]);
  });
  return (source, { added, refused, gap }) => {
    candles.inc(added, { source });
    for (const [reason, count] of refused) if (reason !== 'gap') rejected.inc(count, { reason });
    if (gap !== 'none') gaps.inc(1, { outcome: gap });
  };
}

export interface UniverseCounts {
  readonly refreshes: number;
  readonly failures: number;
  readonly doubted: number;
  readonly added: number;
  readonly removed: number;
}

/** How the list of symbols follows the exchange, read at each scrape. */
export function universeMetrics(registry: MetricRegistry, read: () => UniverseCounts): void {
  const refreshes = registry.counter({
    name: 'universe_refreshes_total',
    help: 'Times the list of symbols was asked for; doubted: it lacked so much that it is asked for once more.',
    labels: { outcome: ['believed', 'doubted', 'failed'] },
  });
  const changes = registry.counter({
    name: 'universe_changes_total',
    help: 'Symbols that came to be scanned or left.',
    labels: { change: ['added', 'removed'] },
  });
  registry.onScrape(() => {
    const stats = read();
    refreshes.follow(
      [stats.refreshes - stats.doubted, { outcome: 'believed' }],
      [stats.doubted, { outcome: 'doubted' }],
      [stats.failures, { outcome: 'failed' }],
    );
    changes.follow([stats.added, { change: 'added' }], [stats.removed, { change: 'removed' }]);
  });
}

export interface DeepeningCounts {
  readonly due: number;
  readonly inFlight: number;
  readonly exhausted: number;
  readonly failed: number;
  readonly done: number;
}

/** How far the background has brought series to their full lookback, read at each scrape. */
export function deepeningMetrics(registry: MetricRegistry, read: () => DeepeningCounts): void {
  const series = registry.gauge({
    name: 'deepening_series',
    help: 'Series shorter than the lookback: due or running in the background, or all that the exchange has (exhausted).',
    labels: { state: ['due', 'running', 'exhausted'] },
  });
  const ended = registry.counter({
    name: 'deepening_ended_total',
    help: 'Series that reached the lookback in the background, or were given up.',
    labels: { outcome: ['done', 'failed'] },
  });
  registry.onScrape(() => {
    const { due, inFlight, exhausted, done, failed } = read();
    series.setAll([due, { state: 'due' }], [inFlight, { state: 'running' }], [exhausted, { state: 'exhausted' }]);
    ended.follow([done, { outcome: 'done' }], [failed, { outcome: 'failed' }]);
  });
}

import type { MetricRegistry } from '../lib/metrics.js';
import { SEGMENT_DEFECTS } from './codec/segment.js';
import type { CacheStats, TierStats } from './contract.js';
import type { ResultCacheStats } from './results.js';

const CANDLE_TIERS = ['l1', 'l2'] as const;
const TIERS = [...CANDLE_TIERS, 'results'] as const;
const RESULTS = ['hit', 'miss', 'stale', 'error'] as const;
const WRITE_ERRORS = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE'];

export interface CacheReaders {
  readonly candles: () => CacheStats;
  /** Left out where results are not cached. */
  readonly results?: () => ResultCacheStats;
}

/** What the caches of candles and of results do, read at each scrape. */
export function cacheMetrics(registry: MetricRegistry, { candles, results }: CacheReaders): void {
  const requests = registry.counter({
    name: 'cache_requests_total',
    help: 'Series, or results of analyzers, that a cache was asked for.',
    labels: { tier: TIERS, result: RESULTS },
  });
  const size = registry.gauge({
    name: 'cache_size_bytes',
    help: 'Bytes held: in memory (l1), on disk (l2).',
    labels: { tier: CANDLE_TIERS },
  });
  const entries = registry.gauge({
    name: 'cache_entries',
    help: 'Entries held: series (l1), segments of series (l2), results of analyzers (results).',
    labels: { tier: TIERS },
  });
  const disk = diskMetrics(registry);

  registry.onScrape(() => {
    const stats = candles();
    const computed = { stale: 0, errors: 0, ...(results?.() ?? { hits: 0, misses: 0, entries: 0 }) };
    const tiers = { l1: stats.l1, l2: stats.l2, results: computed };
    requests.follow(
      ...TIERS.flatMap((tier) => outcomes(tiers[tier]).map(([total, result]) => [total, { tier, result }] as const)),
    );
    for (const tier of TIERS) entries.set(tiers[tier].entries, { tier });
    for (const tier of CANDLE_TIERS) size.set(stats[tier].bytes, { tier });
    disk(stats);
  });
}

function outcomes({ hits, misses, stale, errors }: Pick<TierStats, 'hits' | 'misses' | 'stale' | 'errors'>) {
  return [
    [hits, 'hit'],
    [misses, 'miss'],
    [stale, 'stale'],
    [errors, 'error'],
  ] as const;
}

/** What goes on behind the answers: what was thrown out, found damaged, or could not be written. */
function diskMetrics(registry: MetricRegistry): (stats: CacheStats) => void {
  const evictions = registry.counter({
    name: 'cache_evictions_total',
    help: 'Entries thrown out to make room.',
    labels: { tier: CANDLE_TIERS },
  });
  const corrupt = registry.counter({
    name: 'cache_corrupt_total',
    help: 'Segments on disk that could not be trusted, by why; each was removed and is fetched again.',
    labels: { reason: [...SEGMENT_DEFECTS, 'EINTEGRITY'] },
  });
  const writeErrors = registry.counter({
    name: 'cache_write_errors_total',
    help: 'Failed writes and removals on disk, by error code.',
    labels: { code: WRITE_ERRORS },
  });
  const dirty = registry.gauge({
    name: 'cache_unsaved_series',
    help: 'Series that changed since they were written to disk.',
  });
  const dropped = registry.counter({
    name: 'cache_dropped_series_total',
    help: 'Changed series that were given up because the disk kept failing.',
  });

  return ({ l1, l2, dirtySeries, droppedSeries }) => {
    evictions.follow([l1.evictions, { tier: 'l1' }], [l2.evictions, { tier: 'l2' }]);
    corrupt.follow(...Object.entries(l2.corrupt).map(([reason, total]) => [total, { reason }] as const));
    writeErrors.follow(...Object.entries(l2.writeErrors).map(([code, total]) => [total, { code }] as const));
    dirty.set(dirtySeries);
    dropped.follow([droppedSeries]);
  };
}

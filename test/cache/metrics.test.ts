import { describe, expect, it } from 'vitest';
import { cacheMetrics } from '../../src/cache/metrics.js';
import { ResultCache } from '../../src/cache/results.js';
import { createRegistry } from '../../src/lib/metrics.js';
import { openCache, randomSeries, temporaryDir } from '../support/cache.js';
import { fedRegistry, scraped } from '../support/metrics.js';

describe('cacheMetrics', () => {
  it('shows what the tiers were asked for and hold, and the candles that came from disk', async () => {
    const dir = temporaryDir();
    const first = await openCache(dir);
    first.put(randomSeries('AUSDT', '5m', { count: 40 }));
    await first.stop();

    const cache = await openCache(dir);
    const results = new ResultCache<object>({ maxEntries: 10 });
    const registry = createRegistry({ prefix: '' });
    cacheMetrics(registry, { candles: () => cache.stats(), results: () => results.stats() });
    await cache.get('AUSDT', '5m');
    await cache.get('AUSDT', '5m');
    await cache.get('BUSDT', '5m');
    results.get('AUSDT', 'lineage', ['candles']);
    results.set('AUSDT', 'lineage', { inputs: ['candles'], result: {} });
    results.get('AUSDT', 'lineage', ['candles']);

    const series = await scraped(registry);
    expect(cache.stats().candlesRead).toBe(40);
    expect(series.get('cache_requests_total{tier="l1",result="hit"}')).toBe(1);
    expect(series.get('cache_requests_total{tier="l1",result="miss"}')).toBe(2);
    expect(series.get('cache_requests_total{tier="l2",result="hit"}')).toBe(1);
    expect(series.get('cache_requests_total{tier="l2",result="miss"}')).toBe(1);
    expect(series.get('cache_requests_total{tier="results",result="hit"}')).toBe(1);
    expect(series.get('cache_requests_total{tier="results",result="miss"}')).toBe(1);
    expect(series.get('cache_entries{tier="l1"}')).toBe(1);
    expect(series.get('cache_entries{tier="results"}')).toBe(1);
    expect(series.get('cache_size_bytes{tier="l1"}')).toBe(cache.stats().l1.bytes);
    expect(series.get('cache_size_bytes{tier="l2"}')).toBe(cache.stats().l2.bytes);
    expect(cache.stats().l2.bytes).toBeGreaterThan(0);
    await cache.stop();
  });

  it('D2, D5: tells failed writes and damaged segments by what was wrong', async () => {
    const { registry, stats } = fedRegistry();
    Object.assign(stats.cache.l2, { corrupt: { checksum: 2, EINTEGRITY: 1, EISDIR: 4 }, writeErrors: { ENOSPC: 3 } });
    const series = await scraped(registry);
    expect(series.get('candlescan_cache_corrupt_total{reason="checksum"}')).toBe(2);
    expect(series.get('candlescan_cache_corrupt_total{reason="EINTEGRITY"}')).toBe(1);
    expect(series.get('candlescan_cache_corrupt_total{reason="other"}')).toBe(4);
    expect(series.get('candlescan_cache_write_errors_total{code="ENOSPC"}')).toBe(3);
  });
});

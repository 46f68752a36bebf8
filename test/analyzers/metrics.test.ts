import { describe, expect, it } from 'vitest';
import { fedRegistry, scraped } from '../support/metrics.js';

const RUN = { findings: 1, warmup: 0 };

describe('analyzerMetrics', () => {
  it('A1, A2: shows the time of each analyzer per batch and why results were dropped', async () => {
    const { registry, analyzers } = fedRegistry({ analyzers: ['trend', 'macd'] });
    analyzers.analyzed({
      runs: [
        { analyzer: 'trend', durationMs: 30, ...RUN },
        { analyzer: 'macd', durationMs: 2_500, ...RUN },
      ],
      failures: [
        { analyzer: 'macd', reason: 'budget', message: 'too long', count: 64 },
        { analyzer: 'macd', reason: 'threw', message: 'bad', count: 2 },
      ],
    });
    const series = await scraped(registry);
    expect(series.get('candlescan_analyzer_duration_seconds_bucket{le="0.025",analyzer="trend"}')).toBe(0);
    expect(series.get('candlescan_analyzer_duration_seconds_bucket{le="0.1",analyzer="trend"}')).toBe(1);
    expect(series.get('candlescan_analyzer_duration_seconds_bucket{le="2",analyzer="macd"}')).toBe(0);
    expect(series.get('candlescan_analyzer_duration_seconds_sum{analyzer="macd"}')).toBe(2.5);
    expect(series.get('candlescan_analyzer_failures_total{analyzer="macd",reason="budget"}')).toBe(64);
    expect(series.get('candlescan_analyzer_failures_total{analyzer="macd",reason="threw"}')).toBe(2);
    expect(series.get('candlescan_analyzer_failures_total{analyzer="trend",reason="threw"}')).toBe(0);
  });

  it('A4, A5: shows what is quarantined and refused now, and counts replaced workers', async () => {
    const { registry, stats, analyzers } = fedRegistry();
    const pool = stats.pool as { quarantined: unknown[]; refused: unknown[] };
    pool.quarantined.push({ analyzer: 'evil', reason: 'crashed', untilMs: 1 });
    pool.refused.push({ file: 'a.mjs', reason: 'bad' }, { file: 'b.mjs', reason: 'bad' });
    analyzers.happened({ type: 'replaced', cause: 'crashed' });
    analyzers.happened({ type: 'stray', message: 'late' });
    const series = await scraped(registry);
    expect(series.get('candlescan_analyzers_quarantined')).toBe(1);
    expect(series.get('candlescan_analyzer_modules_refused')).toBe(2);
    expect(series.get('candlescan_analyzer_workers_replaced_total')).toBe(1);
  });
});

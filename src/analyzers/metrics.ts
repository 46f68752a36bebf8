import type { MetricRegistry } from '../lib/metrics.js';
import type { BatchResult, FailureReason } from './contract.js';
import type { AnalyzerPool, PoolEvent } from './pool.js';

const FAILURES: Readonly<Record<FailureReason, true>> = { threw: true, invalid: true, budget: true, crashed: true };
/** From a cheap pattern to the default budget of one analyzer over one batch. */
const DURATION_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2];

/** Those of others come without end; as many as can be told apart on a screen. */
const MOST_ANALYZERS = 12;

export interface AnalyzerMetrics {
  /** A batch came back. */
  analyzed(result: Pick<BatchResult, 'runs' | 'failures'>): void;
  /** For `onEvent` of the pool. */
  happened(event: PoolEvent): void;
}

/** `analyzers`: the first 12 names get series of their own, the rest is `other`. `pool` is read at each scrape. */
export function analyzerMetrics(
  registry: MetricRegistry,
  analyzers: readonly string[],
  pool: () => Pick<AnalyzerPool, 'quarantined' | 'refused'>,
): AnalyzerMetrics {
  const analyzer = analyzers.slice(0, MOST_ANALYZERS);
  const duration = registry.histogram({
    name: 'analyzer_duration_seconds',
    help: 'Time that one analyzer took over one batch.',
    labels: { analyzer },
    buckets: DURATION_BUCKETS,
  });
  const failures = registry.counter({
    name: 'analyzer_failures_total',
    help: 'Series whose result of an analyzer was dropped, by why.',
    labels: { analyzer, reason: Object.keys(FAILURES) },
  });
  const quarantined = registry.gauge({
    name: 'analyzers_quarantined',
    help: 'Analyzers that are kept away from batches because they ended their worker again and again.',
  });
  const refused = registry.gauge({
    name: 'analyzer_modules_refused',
    help: 'Modules of analyzers that were not loaded.',
  });
  const replaced = registry.counter({
    name: 'analyzer_workers_replaced_total',
    help: 'Worker threads that were replaced.',
  });

  registry.onScrape(() => {
    const now = pool();
    quarantined.set(now.quarantined.length);
    refused.set(now.refused.length);
  });
  return {
    analyzed({ runs, failures: failed }) {
      for (const { analyzer, durationMs } of runs) duration.observe(durationMs / 1000, { analyzer });
      for (const { analyzer, reason, count } of failed) failures.inc(count, { analyzer, reason });
    },
    happened({ type }) {
      if (type === 'replaced') replaced.inc(1);
    },
  };
}

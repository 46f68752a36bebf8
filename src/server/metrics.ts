import type { MetricRegistry } from '../lib/metrics.js';
import type { ServerStats } from './server.js';

/** What the HTTP server turned away, read at each scrape. */
export function serverMetrics(registry: MetricRegistry, stats: () => Pick<ServerStats, 'shedForMemory'>): void {
  const shed = registry.counter({
    name: 'http_requests_shed_total',
    help: 'Requests answered with 503 because memory is short.',
  });
  registry.onScrape(() => shed.follow([stats().shedForMemory]));
}

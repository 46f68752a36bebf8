import { collectDefaultMetrics } from 'prom-client';
import type { MetricRegistry } from './metrics.js';

/** Gauges that are named like counters, which `promtool check metrics` refuses. Their sums can be had from the others. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
] as const;

/**
 * CPU, memory, file descriptors, event loop and garbage collection of this process, under the names that prom-client
 * gives them, and `build_info`. Once per process: prom-client's observers of the event loop cannot be taken back.
 */
export function processMetrics(registry: MetricRegistry, { version }: { readonly version: string }): void {
  collectDefaultMetrics({ register: registry.register });
  for (const name of MISNAMED) registry.register.removeSingleMetric(name);
  registry
    .gauge({ name: 'build_info', help: 'Always 1; the version that runs is a label.', labels: { version: [version] } })
    .set(1, { version });
}

/** `level` as the memory guard has it, 0 to 3. */
export function memoryMetrics(registry: MetricRegistry, guard: { level(): number }): void {
  const level = registry.gauge({
    name: 'memory_pressure_level',
    help: 'How far memory exceeds its limit: 0 not, 1 caches shrink, 2 optional work rests, 3 only cycles run.',
  });
  registry.onScrape(() => level.set(guard.level()));
}

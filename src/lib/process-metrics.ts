import { collectDefaultMetrics } from 'prom-client';
import type { MemoryGuardStats } from './memory-guard.js';
import { RAISED_LEVELS } from './memory-pressure.js';
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

export type MemoryFigures = Pick<MemoryGuardStats, 'level' | 'entered' | 'relieverFailures'>;

/** What the memory guard sees and does. */
export function memoryMetrics(registry: MetricRegistry, guard: { stats(): MemoryFigures }): void {
  const level = registry.gauge({
    name: 'memory_pressure_level',
    help: 'How far memory exceeds its limit: 0 not, 1 caches shrink, 2 optional work rests, 3 only cycles run.',
  });
  const entered = registry.counter({
    name: 'memory_pressure_entered_total',
    help: 'Times that memory pressure rose to a level.',
    labels: { level: RAISED_LEVELS.map(String) },
  });
  const failures = registry.counter({
    name: 'memory_relief_failures_total',
    help: 'Steps to give back memory, or to undo that, that failed or took too long.',
  });
  registry.onScrape(() => {
    const stats = guard.stats();
    level.set(stats.level);
    entered.follow(...RAISED_LEVELS.map((raised) => [stats.entered[raised], { level: String(raised) }] as const));
    failures.follow([stats.relieverFailures]);
  });
}

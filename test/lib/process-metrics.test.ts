import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../src/lib/metrics.js';
import { type MemoryFigures, memoryMetrics, processMetrics } from '../../src/lib/process-metrics.js';
import { scraped } from '../support/metrics.js';

describe('processMetrics', () => {
  it('shows CPU, memory, descriptors, event loop and garbage collection under their usual names', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    processMetrics(registry, { version: '1.2.3' });
    const series = await scraped(registry);
    expect(series.get('app_build_info{version="1.2.3"}')).toBe(1);
    expect(series.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(series.get('process_start_time_seconds')).toBeGreaterThan(1.6e9);
    expect(series.get('process_cpu_seconds_total')).toBeGreaterThan(0);
    for (const name of ['process_open_fds', 'nodejs_heap_size_used_bytes', 'nodejs_eventloop_lag_p99_seconds']) {
      expect(series.has(name), name).toBe(true);
    }
  });

  it('leaves out the gauges that are named like counters', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    processMetrics(registry, { version: '1.2.3' });
    const { body } = await registry.scrape();
    const gauges = [...body.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name as string);
    expect(gauges.length).toBeGreaterThan(10);
    expect(gauges.filter((name) => name.endsWith('_total'))).toEqual([]);
    expect(body).toContain('# TYPE nodejs_active_resources gauge');
  });
});

describe('memoryMetrics', () => {
  it('reads the level, how often each was entered and what failed at each scrape', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    let stats: MemoryFigures = { level: 0, entered: { 1: 0, 2: 0, 3: 0 }, relieverFailures: 0 };
    memoryMetrics(registry, { stats: () => stats });
    const calm = await scraped(registry);
    expect([...calm].filter(([name]) => name.startsWith('app_memory'))).toEqual([
      ['app_memory_pressure_level', 0],
      ...['1', '2', '3'].map((level) => [`app_memory_pressure_entered_total{level="${level}"}`, 0]),
      ['app_memory_relief_failures_total', 0],
    ]);
    stats = { level: 3, entered: { 1: 4, 2: 2, 3: 1 }, relieverFailures: 5 };
    const short = await scraped(registry);
    expect(short.get('app_memory_pressure_level')).toBe(3);
    expect(short.get('app_memory_pressure_entered_total{level="1"}')).toBe(4);
    expect(short.get('app_memory_pressure_entered_total{level="3"}')).toBe(1);
    expect(short.get('app_memory_relief_failures_total')).toBe(5);
  });
});

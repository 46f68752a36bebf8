import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../src/lib/metrics.js';
import { memoryMetrics, processMetrics } from '../../src/lib/process-metrics.js';
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
  it('reads the level at each scrape', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    let level = 0;
    memoryMetrics(registry, { level: () => level });
    expect((await scraped(registry)).get('app_memory_pressure_level')).toBe(0);
    level = 3;
    expect((await scraped(registry)).get('app_memory_pressure_level')).toBe(3);
  });
});

import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../src/lib/metrics.js';
import { scraped } from '../support/metrics.js';

describe('MetricRegistry', () => {
  it('shows every declared series at 0 before anything happened', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    registry.counter({ name: 'jobs_total', help: 'Jobs.', labels: { kind: ['a', 'b'], result: ['ok', 'bad'] } });
    registry.gauge({ name: 'depth', help: 'Depth.', labels: { queue: ['x'] } });
    registry.histogram({ name: 'wait_seconds', help: 'Wait.', labels: { kind: ['a'] }, buckets: [1] });
    expect(Object.fromEntries(await scraped(registry))).toEqual({
      app_metrics_read_failures_total: 0,
      'app_jobs_total{kind="a",result="ok"}': 0,
      'app_jobs_total{kind="a",result="bad"}': 0,
      'app_jobs_total{kind="b",result="ok"}': 0,
      'app_jobs_total{kind="b",result="bad"}': 0,
      'app_depth{queue="x"}': 0,
      'app_wait_seconds_bucket{le="1",kind="a"}': 0,
      'app_wait_seconds_bucket{le="+Inf",kind="a"}': 0,
      'app_wait_seconds_sum{kind="a"}': 0,
      'app_wait_seconds_count{kind="a"}': 0,
    });
  });

  it('counts what was not declared as other, whatever it is called', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    const jobs = registry.counter({ name: 'jobs_total', help: 'Jobs.', labels: { kind: ['a'] } });
    for (const kind of ['b', '__proto__', 'constructor', '', 'a"} 1\nevil 2', '\u{1F4A5}']) jobs.inc(1, { kind });
    jobs.inc(2, { kind: 'a' });
    const series = await scraped(registry);
    expect(series.get('app_jobs_total{kind="other"}')).toBe(6);
    expect(series.get('app_jobs_total{kind="a"}')).toBe(2);
    expect(series.size).toBe(3);
  });

  it('leaves out what a counter or a histogram cannot take, and throws nothing', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    const jobs = registry.counter({ name: 'jobs_total', help: 'Jobs.' });
    const wait = registry.histogram({ name: 'wait_seconds', help: 'Wait.', buckets: [1] });
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0]) jobs.inc(bad);
    jobs.follow([Number.NaN]);
    for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY]) wait.observe(bad);
    jobs.inc(3);
    wait.observe(0.5);
    const series = await scraped(registry);
    expect(series.get('app_jobs_total')).toBe(3);
    expect(series.get('app_wait_seconds_count')).toBe(1);
    expect(series.get('app_wait_seconds_sum')).toBe(0.5);
  });

  it('follows a total, and goes on from where it is when that begins anew', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    const jobs = registry.counter({ name: 'jobs_total', help: 'Jobs.' });
    const shown = [];
    for (const total of [5, 5, 8, 2, Number.NaN, 3]) {
      jobs.follow([total]);
      shown.push((await scraped(registry)).get('app_jobs_total'));
    }
    expect(shown).toEqual([5, 5, 8, 10, 10, 11]);
  });

  it('adds up the totals and the values that share their labels, before it compares with the last ones', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    const errors = registry.counter({ name: 'errors_total', help: 'Errors.', labels: { code: ['EIO'] } });
    const depth = registry.gauge({ name: 'depth', help: 'Depth.', labels: { queue: ['x'] } });
    for (const [a, b] of [
      [4, 3],
      [4, 5],
    ] as const) {
      errors.follow([a, { code: 'E1' }], [b, { code: 'E2' }], [1, { code: 'EIO' }]);
      depth.setAll([a, { queue: 'y' }], [b, { queue: 'z' }], [7, { queue: 'x' }]);
    }
    const series = await scraped(registry);
    expect(series.get('app_errors_total{code="other"}')).toBe(9);
    expect(series.get('app_errors_total{code="EIO"}')).toBe(1);
    expect(series.get('app_depth{queue="other"}')).toBe(9);
    expect(series.get('app_depth{queue="x"}')).toBe(7);
  });

  it('reads before each scrape, and serves the rest when a reader throws', async () => {
    const errors: unknown[] = [];
    const registry = createRegistry({ prefix: 'app_', onError: (error) => errors.push(error) });
    const depth = registry.gauge({ name: 'depth', help: 'Depth.' });
    let now = 0;
    registry.onScrape(() => {
      throw new Error('gone');
    });
    registry.onScrape(() => depth.set(++now));
    await scraped(registry);
    const series = await scraped(registry);
    expect(series.get('app_depth')).toBe(2);
    expect(series.get('app_metrics_read_failures_total')).toBe(2);
    expect(errors).toEqual([new Error('gone'), new Error('gone')]);
  });

  it('serves the text format with its content type', async () => {
    const registry = createRegistry({ prefix: 'app_' });
    const { contentType, body } = await registry.scrape();
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(body).toBe(
      '# HELP app_metrics_read_failures_total Readers of metrics that failed.\n' +
        '# TYPE app_metrics_read_failures_total counter\napp_metrics_read_failures_total 0\n',
    );
  });

  it('refuses a name that is taken', () => {
    const registry = createRegistry({ prefix: 'app_' });
    registry.gauge({ name: 'depth', help: 'Depth.' });
    expect(() => registry.gauge({ name: 'depth', help: 'Depth.' })).toThrow('app_depth has already been registered');
  });
});

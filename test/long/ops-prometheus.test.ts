import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cycleReport, fedRegistry } from '../support/metrics.js';

const DIR = join(import.meta.dirname, '../../ops/prometheus');
const installed = spawnSync('promtool', ['--version']).status === 0;
const title = 'promtool of Prometheus';

function promtool(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: DIR,
    input,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, output: `${stdout}${stderr}` };
}

const filesOf = (dir: string, end: string) => readdirSync(join(DIR, dir)).filter((file) => file.endsWith(end));

describe.skipIf(!installed)(installed ? title : `${title} (skipped: promtool is not installed)`, () => {
  it('finds nothing wrong with a scrape', async () => {
    const { registry, cycles, requested, signals } = fedRegistry({
      analyzers: ['trend'],
      sinks: ['a "quoted\\ sink\n'],
      ofProcess: true,
    });
    cycles.reported(cycleReport());
    requested({ endpoint: 'klines', outcome: 'ok', durationMs: 12.5 });
    signals.expired({ analyzer: 'made-up', timeframe: '5m' }, 'hit');
    const { body } = await registry.scrape();
    expect(body).toContain('candlescan_cycles_total{outcome="complete"} 1\n');
    expect(promtool(['check', 'metrics'], body)).toEqual({ status: 0, output: '' });
  });

  it('would find something', () => {
    const { status, output } = promtool(['check', 'metrics'], '# TYPE jobs_total gauge\njobs_total 1\n');
    expect(status).not.toBe(0);
    expect(output).toContain('jobs_total');
  });

  it('loads the configuration and every rule', () => {
    // The token is a file of the machine that it runs on.
    expect(promtool(['check', 'config', '--syntax-only', 'prometheus.yml'])).toMatchObject({ status: 0 });
    const rules = filesOf('.', '.rules.yml');
    expect(rules).toHaveLength(2);
    expect(promtool(['check', 'rules', '--lint=all', '--lint-fatal', ...rules])).toMatchObject({ status: 0 });
  });

  it.each(filesOf('tests', '.test.yml'))(
    'sees every alert of %s fire when it should and stay silent when it should',
    (file) => {
      const { status, output } = promtool(['test', 'rules', join('tests', file)]);
      expect(output).toContain('SUCCESS');
      expect(output).not.toContain('FAILED');
      expect(status).toBe(0);
    },
  );
});

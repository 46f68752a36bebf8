import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { unknownsOf } from '../support/metric-names.js';
import { selectorsOf } from '../support/promql.js';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleTest {
  readonly name: string;
  readonly promql_expr_test: readonly { readonly expr: string; readonly exp_samples: readonly unknown[] }[];
}

const DIR = join(import.meta.dirname, '../../ops/prometheus');
const alerts = rulesOf('alerts.rules.yml').filter(({ alert }) => alert !== undefined);
const records = rulesOf('recording.rules.yml');
const tests = readdirSync(join(DIR, 'tests')).flatMap((file) => {
  return (read(join('tests', file)) as { tests: readonly RuleTest[] }).tests;
});

function read(file: string): unknown {
  return parse(readFileSync(join(DIR, file), 'utf8'));
}

function rulesOf(file: string): readonly Rule[] {
  return (read(file) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(({ rules }) => rules);
}

describe('the rules of Prometheus', () => {
  it.each([...alerts, ...records].map((rule) => [rule.alert ?? rule.record ?? '', rule] as const))(
    '%s reads only metrics, labels and values that exist',
    async (_, { expr }) => {
      expect(selectorsOf(expr).length).toBeGreaterThan(0);
      expect(
        await unknownsOf(
          expr,
          records.flatMap(({ record }) => record ?? []),
        ),
      ).toEqual([]);
    },
  );

  it.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))(
    '%s says how bad it is, what it means and what to do',
    (name, { labels, annotations }) => {
      expect(name).toMatch(/^Candlescan[A-Z][A-Za-z]+$/);
      expect(['critical', 'warning']).toContain(labels?.severity);
      for (const key of ['summary', 'description', 'action'])
        expect(annotations?.[key]?.length, key).toBeGreaterThan(20);
    },
  );

  it.each(alerts.map(({ alert }) => alert ?? ''))('%s is tested firing and silent', (name) => {
    const own = tests.filter((each) => each.name.startsWith(`${name}: `)).flatMap((each) => each.promql_expr_test);
    for (const { expr } of own) expect(expr).toBe(`ALERTS{alertname="${name}",alertstate="firing"}`);
    expect(own.some(({ exp_samples }) => exp_samples.length > 0)).toBe(true);
    expect(own.some(({ exp_samples }) => exp_samples.length === 0)).toBe(true);
  });

  it('has no two rules of one name', () => {
    const names = [...alerts, ...records].map(({ alert, record }) => alert ?? record);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('prometheus.yml', () => {
  const config = read('prometheus.yml') as {
    global: { scrape_interval: string };
    rule_files: string[];
    scrape_configs: { job_name: string; scrape_timeout?: string; static_configs: { targets: string[] }[] }[];
  };

  it('scrapes candlescan every 15 s under the job that the rules rely on', () => {
    expect(config.global.scrape_interval).toBe('15s');
    const job = config.scrape_configs.find(({ job_name }) => job_name === 'candlescan');
    expect(job?.static_configs[0]?.targets).toEqual(['candlescan:9530']);
  });

  it('loads every rule file that is there', () => {
    expect([...config.rule_files].sort()).toEqual(
      readdirSync(DIR)
        .filter((file) => file.endsWith('.rules.yml'))
        .sort(),
    );
  });
});

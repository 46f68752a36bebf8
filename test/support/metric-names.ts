import { fedRegistry } from './metrics.js';
import { type Matcher, selectorsOf } from './promql.js';

/** What Prometheus adds to every series, makes itself, or reports of its rules. */
const OF_PROMETHEUS: Readonly<Record<string, readonly string[]>> = {
  up: [],
  ALERTS: ['alertname', 'alertstate', 'severity'],
};
const TARGET_LABELS = new Set(['job', 'instance']);

/** Values of each label by metric; a histogram is its `_bucket`, `_sum` and `_count`. */
type Known = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

let known: Promise<Known> | undefined;

/**
 * Of an expression: metrics that no part makes, labels that the metric does not have, and values that the label does not
 * take, each in words. Recorded metrics are `recorded`, and their labels are not judged.
 */
export async function unknownsOf(expr: string, recorded: readonly string[] = []): Promise<string[]> {
  known ??= collect();
  const metrics = await known;
  return selectorsOf(expr).flatMap(({ metric, matchers }) => {
    if (recorded.includes(metric) || Object.hasOwn(OF_PROMETHEUS, metric)) return [];
    const labels = metrics.get(metric);
    if (labels === undefined) return [`no metric ${metric}`];
    return matchers.flatMap((matcher) => judge(metric, labels, matcher));
  });
}

function judge(metric: string, labels: ReadonlyMap<string, ReadonlySet<string>>, matcher: Matcher): string[] {
  const { label, op, value } = matcher;
  if (TARGET_LABELS.has(label)) return [];
  const values = labels.get(label);
  if (values === undefined) return [`no label ${label} of ${metric}`];
  const wanted = op === '=~' || op === '!~' ? value.split('|') : [value];
  // Patterns and variables of a dashboard are not judged.
  const plain = wanted.filter((each) => /^[\w+.-]+$/.test(each));
  return plain.filter((each) => !values.has(each)).map((each) => `no value ${each} of ${metric}{${label}}`);
}

async function collect(): Promise<Known> {
  const { registry } = fedRegistry({ ofProcess: true });
  await registry.scrape();
  const { body } = await registry.scrape();
  const found = new Map<string, Map<string, Set<string>>>();
  for (const [, name = '', type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const parts = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const part of parts) found.set(`${name}${part}`, new Map());
  }
  for (const line of body.split('\n')) {
    const name = /^[a-zA-Z_:][\w:]*/.exec(line)?.[0];
    const labels = name === undefined ? undefined : found.get(name);
    if (labels === undefined) continue;
    for (const [, label = '', value = ''] of line.matchAll(/(\w+)="([^"]*)"/g)) {
      labels.set(label, (labels.get(label) ?? new Set()).add(value));
    }
  }
  return found;
}

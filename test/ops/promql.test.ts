import { describe, expect, it } from 'vitest';
import { unknownsOf } from '../support/metric-names.js';
import { selectorsOf } from '../support/promql.js';

describe('selectorsOf', () => {
  it('finds metrics and matchers, and neither functions, keywords, labels of groupings nor numbers', () => {
    const expr = `sum by (job, le) (rate(a_total{x="1",y=~"p|q"}[5m])) / ignoring (z) group_left (w) (b > 2e3)
      and on (instance) time() - 7200 > c unless d:e:f_1h offset 5m`;
    expect(selectorsOf(expr)).toEqual([
      {
        metric: 'a_total',
        matchers: [
          { label: 'x', op: '=', value: '1' },
          { label: 'y', op: '=~', value: 'p|q' },
        ],
      },
      { metric: 'b', matchers: [] },
      { metric: 'c', matchers: [] },
      { metric: 'd:e:f_1h', matchers: [] },
    ]);
  });
});

describe('unknownsOf', () => {
  it.each([
    ['candlescan_cycle_total', ['no metric candlescan_cycle_total']],
    ['candlescan_cycle_duration_seconds', ['no metric candlescan_cycle_duration_seconds']],
    ['candlescan_cycles_total{result="failed"}', ['no label result of candlescan_cycles_total']],
    ['candlescan_cycles_total{outcome=~"failed|broken"}', ['no value broken of candlescan_cycles_total{outcome}']],
    ['candlescan_cycle_duration_seconds_bucket{le="0.05",job="candlescan"}', []],
    ['process_start_time_seconds{instance=~"$instance"}', []],
  ])('judges %s', async (expr, unknowns) => {
    expect(await unknownsOf(expr)).toEqual(unknowns);
  });
});

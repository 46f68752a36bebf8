import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { unknownsOf } from '../support/metric-names.js';
import { selectorsOf } from '../support/promql.js';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: unknown;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly thresholds?: { readonly steps: unknown[] } };
  };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource: unknown }[];
}

interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const OPS = join(import.meta.dirname, '../../ops');
const dashboard = JSON.parse(readFileSync(join(OPS, 'grafana/candlescan.json'), 'utf8')) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const recorded = [
  ...readFileSync(join(OPS, 'prometheus/recording.rules.yml'), 'utf8').matchAll(/^ +- record: (\S+)$/gm),
].map(([, name = '']) => name);

describe('the dashboard', () => {
  it('asks from top to bottom: fresh, fast, whole, the exchange, the machine', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row');
    expect(rows.map(({ title }) => title)).toEqual([
      'Is it fresh?',
      'Is it fast?',
      'Is it whole?',
      'Is the exchange angry?',
      'Is the machine well?',
    ]);
    const tops = rows.map(({ gridPos }) => gridPos.y);
    expect(tops).toEqual([...tops].sort((a, b) => a - b));
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))(
    '%s reads what exists, from the chosen datasource, in a unit and with a description',
    async (_, { targets = [], description, fieldConfig, datasource }) => {
      expect(targets.length).toBeGreaterThan(0);
      for (const target of targets) {
        expect(selectorsOf(target.expr).length).toBeGreaterThan(0);
        expect(await unknownsOf(target.expr, recorded)).toEqual([]);
        expect(target.datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
      }
      expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
      expect(description?.length).toBeGreaterThan(5);
      expect(fieldConfig?.defaults.unit).toMatch(/\S/);
      expect(fieldConfig?.defaults.thresholds?.steps.length).toBeGreaterThan(0);
    },
  );

  it('shows the chosen instances only, in every panel but the one that counts alerts', () => {
    const selectors = panels.flatMap(({ targets = [] }) => targets).flatMap(({ expr }) => selectorsOf(expr));
    const others = selectors.filter(({ matchers }) => !matchers.some(({ value }) => value === '$instance'));
    expect(others.map(({ metric }) => metric)).toEqual(['ALERTS']);
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['instance', 'query'],
    ]);
  });

  it('has panels side by side in 24 columns, none over another, each with its own id', () => {
    const cells = new Set<string>();
    for (const { gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`), `${x},${y}`).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it('is of the current schema, and marks the starts of the process', async () => {
    expect(dashboard.schemaVersion).toBe(42);
    expect(dashboard.annotations.list).toHaveLength(1);
    for (const { expr } of dashboard.annotations.list) expect(await unknownsOf(expr)).toEqual([]);
  });
});

describe('the provisioning of Grafana', () => {
  const dir = join(OPS, 'grafana/provisioning');

  it('has one Prometheus as the default, and the folder of the dashboard', () => {
    const [sources] = readAll('datasources') as { apiVersion: number; datasources: Record<string, unknown>[] }[];
    expect(sources).toMatchObject({ apiVersion: 1, datasources: [{ type: 'prometheus', isDefault: true }] });
    const [boards] = readAll('dashboards') as { apiVersion: number; providers: Record<string, unknown>[] }[];
    expect(boards).toMatchObject({
      apiVersion: 1,
      providers: [{ type: 'file', options: { path: expect.any(String) } }],
    });
  });

  function readAll(kind: string): unknown[] {
    return readdirSync(join(dir, kind)).map((file) => parse(readFileSync(join(dir, kind, file), 'utf8')) as unknown);
  }
});

import { execFile, spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimProcess } from '../../src/sim/process.js';
import { temporaryDir } from '../support/cli.js';
import { DaemonProcess } from '../support/daemon.js';
import { dashboardPage, type Line, legendOf, type Panel, pageSize } from '../support/dashboard-page.js';
import { rootFile } from '../support/ops.js';
import { Prometheus, prometheusInstalled } from '../support/prometheus.js';
import { freePort, simProcess, until } from '../support/surroundings.js';

const TOKEN = 'a-token-of-this-test-0123456789abcdef';
const CYCLES = 3;
const dashboard = JSON.parse(rootFile('ops/grafana/candlescan.json')) as { title: string; panels: Panel[] };
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** Panels of what must not happen, or not within minutes, and show nothing while it does not. */
const QUIET = new Set([
  'Bad candles',
  'Failures of analyzers',
  'Reconnects by reason',
  'Signals that came true',
  'Disk errors',
]);

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (command) => spawnSync(command, ['--version']).error === undefined,
);

describe.skipIf(!prometheusInstalled)('a real Prometheus (skipped where it is not installed)', () => {
  let sim: SimProcess;
  let daemon: DaemonProcess;
  let prometheus: Prometheus;
  let beganMs: number;

  const seconds = () => Math.ceil((performance.now() - beganMs) / 1_000);
  const queryOf = (expr: string) => expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '15s');
  const metrics = async () => (await daemon.get('/metrics')).text();

  // Prometheus comes first, so that it sees counters rise from 0. A cycle a minute, so that minutes are enough.
  beforeAll(async () => {
    sim = await simProcess('--symbols', '40', '--latency-ms', '5');
    const port = await freePort();
    beganMs = performance.now();
    prometheus = await Prometheus.start({ port: await freePort(), targetPort: port, token: TOKEN });
    // One of the symbols was listed hours ago: its days are too few to be looked at.
    const set = [`server.port=${port}`, 'timeframes=[1m,5m,1d]'];
    daemon = new DaemonProcess({ exchange: sim, plain: true, token: TOKEN, set });
    await until(`${CYCLES} cycles`, 240_000, async () => {
      const [cycles] = await prometheus.instant('sum(candlescan_cycles_total)');
      return (cycles?.points[0]?.[1] ?? 0) >= CYCLES;
    });
    // Rules and scrapes after the last cycle.
    const [scrapes] = await prometheus.instant('count_over_time(up{job="candlescan"}[1h])');
    await until('more scrapes', 30_000, async () => {
      const [now] = await prometheus.instant('count_over_time(up{job="candlescan"}[1h])');
      return (now?.points[0]?.[1] ?? 0) >= (scrapes?.points[0]?.[1] ?? 0) + 5;
    });
  }, 300_000);

  afterAll(async () => {
    await prometheus?.stop();
    await daemon?.stop();
    await sim?.stop();
  });

  it('reaches its targets, the daemon by its token', async () => {
    const targets = await prometheus.targets();
    expect(targets.toSorted((a, b) => a.job.localeCompare(b.job))).toEqual([
      { job: 'candlescan', health: 'up', lastError: '' },
      { job: 'prometheus', health: 'up', lastError: '' },
    ]);
  });

  it('evaluates every rule without an error', async () => {
    const rules = await prometheus.rules();
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.filter(({ health, lastError }) => health !== 'ok' || lastError)).toEqual([]);
    expect(prometheus.log()).not.toMatch(/level=(error|warn).*(rule|scrape)/i);
  });

  it('has a figure for every recording rule', async () => {
    const rules = (await prometheus.rules()).filter(({ type }) => type === 'recording');
    const empty: string[] = [];
    for (const { name } of rules) {
      const series = await prometheus.range(name, seconds(), 1);
      if (!series.some(({ points }) => points.some(([, value]) => Number.isFinite(value)))) empty.push(name);
    }
    expect(empty).toEqual([]);
  });

  it('has nothing to alert of while all is well', async () => {
    const firing = await prometheus.instant('ALERTS{alertstate="firing"}');
    expect(firing.map(({ labels }) => labels['alertname'])).toEqual([]);
  });

  it('promtool finds nothing to complain of in the metrics', async () => {
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: await metrics(), encoding: 'utf8' });
    expect(checked.stdout + checked.stderr).toBe('');
    expect(checked.status).toBe(0);
  });

  it('S9: has no more than 1,000 series of the daemon', async () => {
    const [series] = await prometheus.instant('scrape_samples_scraped{job="candlescan"}');
    expect(series?.points[0]?.[1]).toBeLessThanOrEqual(1_000);
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))('answers the panel "%s"', async (title, panel) => {
    const lines = await linesOf(panel);
    const finite = lines.flatMap(({ points }) => points).filter(([, value]) => Number.isFinite(value));
    if (!QUIET.has(title)) expect(finite.length).toBeGreaterThan(0);
  });

  it.skipIf(chromium === undefined)(
    'shows a number or a line in every panel of the dashboard (skipped where chromium is not installed)',
    async ({ annotate }) => {
      const lines = new Map<Panel, Line[]>();
      for (const panel of panels) lines.set(panel, await linesOf(panel));
      const dir = temporaryDir();
      const { width, height } = pageSize(dashboard.panels);
      const page = join(dir, 'dashboard.html');
      const picture = join(dir, 'dashboard.png');
      writeFileSync(
        page,
        dashboardPage(dashboard.title, dashboard.panels, (panel) => lines.get(panel) ?? []),
      );
      const dom = await browse(dir, [`--window-size=${width},${height}`, `--screenshot=${picture}`, page]).then(() =>
        browse(dir, ['--dump-dom', page]),
      );
      await annotate(`the dashboard: ${picture}`);
      const sections = dom.split('<section ').slice(1);
      expect(sections).toHaveLength(dashboard.panels.length);
      const empty = panels.filter(({ id }) => {
        const section = sections.find((each) => each.includes(`data-panel="${id}"`)) ?? '';
        return !/<polyline [^>]*points="[\d.]+,[\d.]+ |class="value"/.test(section);
      });
      expect(empty.map(({ title }) => title).filter((title) => !QUIET.has(title))).toEqual([]);
      expect(statSync(picture).size).toBeGreaterThan(50_000);
    },
  );

  /** What the panel shows, of the whole run. */
  async function linesOf({ targets }: Panel): Promise<Line[]> {
    const lines: Line[] = [];
    for (const { expr, instant, legendFormat } of targets) {
      const query = queryOf(expr);
      const series = instant === true ? await prometheus.instant(query) : await prometheus.range(query, seconds(), 1);
      lines.push(...series.map((each) => ({ name: legendOf(legendFormat, each), points: each.points })));
    }
    return lines;
  }

  /** What chromium writes to stdout. */
  async function browse(dir: string, args: readonly string[]): Promise<string> {
    const always = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--hide-scrollbars',
      `--user-data-dir=${dir}/profile`,
    ];
    const { stdout } = await promisify(execFile)(chromium as string, [...always, ...args], { maxBuffer: 2 ** 26 });
    return stdout;
  }
});

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { temporaryDir } from './cli.js';
import { ROOT, rootFile } from './ops.js';
import { until } from './surroundings.js';

/** Whether Prometheus and promtool are installed (Debian: `apt-get install prometheus`). */
export const prometheusInstalled = ['prometheus', 'promtool'].every(
  (command) => spawnSync(command, ['--version']).error === undefined,
);

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Epoch seconds and value, ascending; not all are finite. */
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

export interface PrometheusRule {
  readonly name: string;
  readonly type: 'recording' | 'alerting';
  readonly health: string;
  readonly lastError?: string;
  readonly state?: string;
}

export interface PrometheusOptions {
  /** Where Prometheus itself listens. */
  readonly port: number;
  /** The daemon's. */
  readonly targetPort: number;
  readonly token: string;
}

interface Config {
  global: Record<string, string>;
  rule_files: string[];
  scrape_configs: {
    job_name: string;
    authorization?: { credentials_file: string };
    static_configs: { targets: string[] }[];
  }[];
}

/** The configuration of `ops/prometheus`, looking every second and at this machine. */
function configOf({ port, targetPort, token }: PrometheusOptions, dir: string): Config {
  const config = parse(rootFile('ops/prometheus/prometheus.yml')) as Config;
  const credentials = join(dir, 'token');
  writeFileSync(credentials, token, { mode: 0o600 });
  return {
    ...config,
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: config.rule_files.map((file) => join(ROOT, 'ops/prometheus', file)),
    scrape_configs: config.scrape_configs.map((job) => ({
      ...job,
      ...(job.authorization !== undefined && {
        authorization: { ...job.authorization, credentials_file: credentials },
      }),
      static_configs: [{ targets: [`127.0.0.1:${job.job_name === 'candlescan' ? targetPort : port}`] }],
    })),
  };
}

/** A real Prometheus with the project's rules. */
export class Prometheus {
  readonly #url: string;
  readonly #child: ChildProcess;
  #stderr = '';

  constructor(options: PrometheusOptions) {
    const dir = temporaryDir();
    const file = join(dir, 'prometheus.yml');
    writeFileSync(file, stringify(configOf(options, dir)));
    this.#url = `http://127.0.0.1:${options.port}`;
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${options.port}`,
    ];
    this.#child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
  }

  static async start(options: PrometheusOptions): Promise<Prometheus> {
    const prometheus = new Prometheus(options);
    await until('Prometheus', 30_000, () =>
      fetch(`${prometheus.#url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return prometheus;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }

  /** What it logged. */
  log(): string {
    return this.#stderr;
  }

  /** The value of an expression now. */
  async instant(query: string): Promise<Series[]> {
    const { result } = await this.#api<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
      'query',
      { query },
    );
    return result.map(({ metric, value }) => ({ labels: metric, points: [[value[0], Number(value[1])]] }));
  }

  /** Its values over the last `seconds`. */
  async range(query: string, seconds: number, step: number): Promise<Series[]> {
    const end = Date.now() / 1_000;
    const { result } = await this.#api<{ result: { metric: Record<string, string>; values: [number, string][] }[] }>(
      'query_range',
      { query, start: String(end - seconds), end: String(end), step: String(step) },
    );
    return result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([at, value]) => [at, Number(value)] as const),
    }));
  }

  async targets(): Promise<{ readonly job: string; readonly health: string; readonly lastError: string }[]> {
    const { activeTargets } = await this.#api<{
      activeTargets: { labels: { job: string }; health: string; lastError: string }[];
    }>('targets');
    return activeTargets.map(({ labels, health, lastError }) => ({ job: labels.job, health, lastError }));
  }

  async rules(): Promise<PrometheusRule[]> {
    const { groups } = await this.#api<{ groups: { rules: PrometheusRule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async #api<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    const body = (await response.json()) as { status: string; data: T; error?: string };
    if (body.status !== 'success') throw new Error(`${parameters['query'] ?? path}: ${body.error}`);
    return body.data;
  }
}

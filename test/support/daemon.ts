import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as ports from '../../src/server/ports.js';
import type { SimProcess } from '../../src/sim/process.js';
import { MAIN, temporaryDir } from './cli.js';
import { MINUTE_MS, until } from './surroundings.js';

/** Analyzers to be loaded by `analyzers.paths`. */
export const FIXTURES = fileURLToPath(new URL('../fixtures/daemon/', import.meta.url));
const MISHAPS = new URL('daemon-mishaps.mjs', import.meta.url).href;

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Of this process's monotonic clock. */
  readonly atMs: number;
}

/** A signal as `/api/v1/signals` shows it. */
export type SignalItem = ports.SignalItem & {
  readonly slot: string;
  readonly revision: number;
  readonly late: boolean;
  readonly confirmedAt: string | null;
};

export type CycleView = ports.CycleItem & { readonly reason: string; readonly late: boolean; readonly missed: number };

/** What `daemon-mishaps.mjs` can be told to do inside the daemon. */
export type Mishap = 'throw' | 'reject' | 'emit' | 'busy' | 'hoard' | 'hang-disk' | 'break-memory-usage';

export interface DaemonOptions {
  readonly exchange: Pick<SimProcess, 'restUrl' | 'streamUrl'>;
  readonly dataDir?: string;
  /** Settings, `key=value`, above those that a daemon of these tests has. */
  readonly set?: readonly string[];
  /** Leaves out what makes a daemon small and quick: but for addresses and port it runs on the program's own defaults. */
  readonly plain?: boolean;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `server.token`; the harness then presents it. */
  readonly token?: string;
  /** Arguments of Node. */
  readonly node?: readonly string[];
  /** Loads what `mishap` commands. */
  readonly mishaps?: boolean;
}

const SMALL = ['timeframes=[1m,3m]', 'candles.lookback=120', 'analyzers.workers=1'];
const living = new Set<ChildProcess>();

/** For `afterAll`: ends what a test left behind. */
export async function endDaemons(): Promise<void> {
  await Promise.all(
    [...living].map(async (child) => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }),
  );
}

/** `candlescan run` as a process of its own, with a channel like that of pm2, on timeframes short enough for tests. */
export class DaemonProcess {
  readonly dataDir: string;
  readonly child: ChildProcess;
  readonly startedAtMs = performance.now();
  /** Epoch ms. */
  readonly startedAt = Date.now();
  readonly exited: Promise<Exit>;
  /** Everything that it wrote to stderr. */
  readonly lines: string[] = [];
  readonly #parsed: LogLine[] = [];
  readonly #headers: Readonly<Record<string, string>>;
  #rest = '';

  constructor(options: DaemonOptions) {
    this.#headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    this.dataDir = options.dataDir ?? join(temporaryDir(), 'data');
    this.child = this.#spawn(options);
    living.add(this.child);
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.exited = once(this.child, 'exit').then(([code, signal]) => {
      living.delete(this.child);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, atMs: performance.now() };
    });
  }

  get log(): readonly LogLine[] {
    return this.#parsed;
  }

  /** Everything that it wrote to stderr, as one text. */
  stderr(): string {
    return this.lines.join('\n');
  }

  linesOf(msg: string): LogLine[] {
    return this.#parsed.filter((line) => line.msg.includes(msg));
  }

  async line(msg: string, withinMs = 20_000): Promise<LogLine> {
    return await this.#until(`a line with ${msg}`, withinMs, () => this.linesOf(msg)[0] ?? null);
  }

  /** Where it serves HTTP; rejects when it does not come to that. */
  async url(): Promise<string> {
    const { url } = await this.line('listening for HTTP');
    return url as string;
  }

  async get(path: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(`${await this.url()}${path}`, {
      signal: AbortSignal.timeout(5_000),
      headers: this.#headers,
      ...init,
    });
  }

  async json<T>(path: string): Promise<T> {
    const response = await this.get(path);
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async signals(query = 'limit=1000'): Promise<SignalItem[]> {
    return (await this.json<{ items: SignalItem[] }>(`/api/v1/signals?${query}`)).items;
  }

  /** Newest first. */
  async cycles(): Promise<CycleView[]> {
    return (await this.json<{ items: CycleView[] }>('/api/v1/cycles?limit=100')).items;
  }

  /** The sum of all samples with that start, such as `cycles_total{outcome="failed"`; without the prefix, where they have one. */
  async metric(start: string): Promise<number> {
    const text = await (await this.get('/metrics')).text();
    const samples = text.split('\n').filter((line) => line.replace('candlescan_', '').startsWith(start));
    if (samples.length === 0) throw new Error(`no metric ${start}`);
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async isReady(): Promise<boolean> {
    return (await this.get('/readyz').catch(() => null))?.status === 200;
  }

  /** Resolves with the time from its start. */
  async ready(withinMs = 20_000): Promise<number> {
    await this.line('listening for HTTP', withinMs);
    await this.#until('ready', withinMs, () => this.isReady());
    return performance.now() - this.startedAtMs;
  }

  /** While a cycle of a real slot has been running for `intoMs`. */
  async midCycle(intoMs = 500): Promise<void> {
    await until('a cycle under way', MINUTE_MS + 10_000, async () => {
      const { slots } = await this.json<{ slots: { running: boolean } | null }>('/api/v1/status');
      return slots?.running === true && Date.now() % MINUTE_MS >= intoMs && Date.now() % MINUTE_MS < 2_000;
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** `amount` is milliseconds to be busy, or mebibytes to hoard. */
  mishap(mishap: Mishap, amount = 0): void {
    this.child.send({ mishap, amount });
  }

  /** Asks it to stop; resolves with how it ended and how long that took. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit & { readonly tookMs: number }> {
    const begunMs = performance.now();
    this.kill(signal);
    const exit = await this.exited;
    return { ...exit, tookMs: exit.atMs - begunMs };
  }

  /** What it logged is in the error. */
  async #until<T>(...[what, withinMs, look]: Parameters<typeof until<T>>): Promise<T> {
    return await until(what, withinMs, look).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.stderr()}`);
    });
  }

  #spawn(options: DaemonOptions): ChildProcess {
    const { exchange, plain = false, set = [], args = [], env = {}, node = [], mishaps = false, token } = options;
    const settings = [
      'exchange.id=binanceusdm',
      `exchange.restUrl=${exchange.restUrl}`,
      `exchange.streamUrl=${exchange.streamUrl}`,
      'server.port=0',
      ...(plain ? [] : SMALL),
      ...set,
    ];
    const argv = [...(mishaps ? ['--import', MISHAPS] : []), ...node, MAIN, 'run', '--data-dir', this.dataDir, ...args];
    return spawn(process.execPath, [...argv, ...settings.flatMap((setting) => ['--set', setting])], {
      cwd: temporaryDir(),
      env: { PATH: process.env['PATH'], ...(token !== undefined && { CANDLESCAN_SERVER__TOKEN: token }), ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.lines.push(line);
      if (line.startsWith('{')) this.#parsed.push(JSON.parse(line) as LogLine);
    }
  }
}

/** Starts a daemon and waits until it is ready. */
export async function readyDaemon(options: DaemonOptions): Promise<DaemonProcess> {
  const daemon = new DaemonProcess(options);
  await daemon.ready();
  return daemon;
}

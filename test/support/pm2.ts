import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SimProcess } from '../../src/sim/process.js';
import { temporaryDir } from './cli.js';
import { freePort } from './surroundings.js';

const VERSION = '7.0.4';
const run = promisify(execFile);

export interface Pm2App {
  /** 0 when none lives. */
  readonly pid: number;
  readonly status: string;
  readonly restarts: number;
  readonly exitCode: number | undefined;
}

/** A pm2 from the registry in a folder of its own; null when the registry cannot be reached. */
export async function installPm2(): Promise<string | null> {
  const prefix = mkdtempSync(join(tmpdir(), 'candlescan-pm2-'));
  try {
    await run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--silent', `pm2@${VERSION}`], {
      timeout: 120_000,
    });
    return join(prefix, 'node_modules/pm2/bin/pm2');
  } catch {
    return null;
  }
}

export interface DaemonPlace {
  readonly port: number;
  readonly dataDir: string;
  /** Where the daemon is told all this. */
  readonly env: Readonly<Record<string, string>>;
}

/** A data directory and a port of its own, on the given exchange. */
export async function daemonPlace(sim: SimProcess): Promise<DaemonPlace> {
  const port = await freePort();
  const dataDir = temporaryDir();
  const env = {
    CANDLESCAN_EXCHANGE__REST_URL: sim.restUrl,
    CANDLESCAN_EXCHANGE__STREAM_URL: sim.streamUrl,
    CANDLESCAN_SERVER__PORT: String(port),
    CANDLESCAN_DATA_DIR: dataDir,
  };
  return { port, dataDir, env };
}

/** One pm2 with a home of its own, so that it meets no other; to be ended with `kill`. */
export class Pm2 {
  readonly home = mkdtempSync(join(tmpdir(), 'candlescan-pm2-home-'));
  readonly #bin: string;
  readonly #cwd: string;

  /** `cwd` is somewhere else than the program: what is found must not depend on it. */
  constructor(bin: string, cwd: string) {
    this.#bin = bin;
    this.#cwd = cwd;
  }

  /** Runs one command; `env` is what the shell would hold. Resolves to what it printed, whatever its exit code. */
  call(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [this.#bin, ...args], {
        cwd: this.#cwd,
        env: { PATH: process.env['PATH'], HOME: this.home, PM2_HOME: this.home, NO_COLOR: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let text = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
      }
      child.on('error', reject);
      child.on('exit', () => resolve(text));
    });
  }

  /** The app of the name, as `pm2 jlist` has it. */
  async app(name: string): Promise<Pm2App | null> {
    const text = await this.call(['jlist']);
    const apps = JSON.parse(text.slice(text.lastIndexOf('\n[') + 1)) as {
      name: string;
      pid: number;
      pm2_env: { status: string; restart_time: number; exit_code?: number };
    }[];
    const app = apps.find((each) => each.name === name);
    if (app === undefined) return null;
    const { status, restart_time, exit_code } = app.pm2_env;
    return { pid: app.pid, status, restarts: restart_time, exitCode: exit_code };
  }

  /** The processes that pm2 has started and that live (Linux). */
  children(): number[] {
    const pid = readFileSync(join(this.home, 'pm2.pid'), 'utf8');
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  }

  /** What pm2 itself says it did. */
  log(): string {
    return readFileSync(join(this.home, 'pm2.log'), 'utf8');
  }

  async kill(): Promise<void> {
    await this.call(['kill']);
  }
}

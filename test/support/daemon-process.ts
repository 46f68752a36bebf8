import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.js';
import { type SimProcess, startSimProcess } from '../../src/sim/process.js';
import { MAIN, temporaryDir } from './cli.js';

/** The embedded exchange of the built program, in a process of its own. */
export function simProcess(...args: string[]): Promise<SimProcess> {
  return startSimProcess({ argv: [MAIN, 'sim', ...args], clock: systemClock });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export interface DaemonPlace {
  readonly port: number;
  readonly dataDir: string;
  /** Where the daemon is told all this. */
  readonly env: Readonly<Record<string, string>>;
}

/** A data directory and a port of its own, on the given exchange. */
export async function daemonPlace(sim: SimProcess, more: Record<string, string> = {}): Promise<DaemonPlace> {
  const port = await freePort();
  const dataDir = temporaryDir();
  const env = {
    CANDLESCAN_EXCHANGE__REST_URL: sim.restUrl,
    CANDLESCAN_EXCHANGE__STREAM_URL: sim.streamUrl,
    CANDLESCAN_SERVER__PORT: String(port),
    CANDLESCAN_DATA_DIR: dataDir,
    ...more,
  };
  return { port, dataDir, env };
}

/** The status of a reply, or null when nobody answers. */
export async function statusOf(port: number, path: string): Promise<number | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return null;
  }
}

/** Resolves with what `look` finds once it is neither null nor false; rejects after `withinMs`. */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => T | null | false | Promise<T | null | false>,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await sleep(20);
  }
}

/**
 * How much slower than an idle machine this one is: what wants to run, by processors. Bounds of time hold for idle
 * machines; multiplied by this they hold beside other tests.
 */
export function slowness(): number {
  return Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}

export interface Daemon {
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  stderr(): string;
}

/** `candlescan run` as a child, with a channel like that of pm2. */
export function spawnDaemon({ env }: Pick<DaemonPlace, 'env'>, ...args: string[]): Daemon {
  const child = spawn(process.execPath, [MAIN, 'run', ...args], {
    cwd: temporaryDir(),
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const exited = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  return { child, exited, stderr: () => text };
}

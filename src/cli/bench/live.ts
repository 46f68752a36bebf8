import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { request } from 'undici';
import type { CycleItem } from '../../server/ports.js';
import { MAIN } from '../main-file.js';
import type { LiveMode, LiveRun } from './report.js';

export interface LiveTask {
  readonly mode: LiveMode;
  readonly run: number;
  /** Settings of the daemon: the exchange, and what the user asked for. */
  readonly settings: readonly string[];
  readonly configFiles: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The longest that the second cycle may be away. */
  readonly patienceMs: number;
}

/** What only these modes set: a slot at once, from requests alone, or everything as it comes. */
const MODE_SETTINGS: Readonly<Record<LiveMode, readonly string[]>> = {
  warm: ['stream.enabled=false', 'cycle.settle=100ms'],
  stream: [],
};

/** The first slot that a running daemon lives through, after a cold start in a process and a directory of its own. */
export async function runLiveSlot(task: LiveTask): Promise<LiveRun> {
  const { mode, run, settings, configFiles, env, patienceMs } = task;
  const dataDir = await mkdtemp(join(tmpdir(), 'candlescan-bench-'));
  const args = [
    'run',
    '--log-level=info',
    '--data-dir',
    dataDir,
    '--set',
    'server.port=0',
    ...configFiles.flatMap((file) => ['--config', file]),
    ...[...settings, ...MODE_SETTINGS[mode]].flatMap((setting) => ['--set', setting]),
  ];
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  try {
    const { url, cycle } = await firstSlot(child, AbortSignal.timeout(patienceMs));
    const process = await processFigures(url);
    const { symbols, durationMs, stages, requests, weight, signals, arrivalToPublished } = cycle;
    return { mode, run, durationMs, symbols, stages, requests, weight, signals, arrivalToPublished, process };
  } finally {
    child.kill('SIGTERM');
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  }
}

type LoggedCycle = CycleItem & Omit<LiveRun, 'mode' | 'run' | 'process'> & { readonly reason: string };

/** Reads the daemon's log up to the cycle of the first slot that closes while it runs. */
async function firstSlot(
  child: ChildProcess,
  signal: AbortSignal,
): Promise<{ readonly url: string; readonly cycle: LoggedCycle }> {
  let url = '';
  const tail: string[] = [];
  signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  for await (const line of createInterface({ input: child.stderr as Readable })) {
    tail.push(line);
    if (tail.length > 5) tail.shift();
    const entry = parsed(line);
    if (entry['msg'] === 'listening for HTTP') url = String(entry['url']);
    // What is read at a scrape is counted from the one before: the start is not the slot's.
    if (entry['msg'] === 'ready') await processFigures(url);
    if (entry['msg'] === 'cycle' && entry['reason'] === 'slot') return { url, cycle: entry as unknown as LoggedCycle };
  }
  throw new Error(`the daemon ended, or no slot came in time; its last words:\n${tail.join('\n')}`);
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}

async function processFigures(url: string): Promise<LiveRun['process']> {
  const { body } = await request(`${url}/metrics`);
  const text = await body.text();
  const value = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
  return {
    maxRssBytes: value('process_resident_memory_bytes'),
    loopDelayP99Ms: value('nodejs_eventloop_lag_p99_seconds') * 1000,
  };
}

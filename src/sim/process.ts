import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import type { Clock } from '../lib/clock.js';
import { type SimOptions, startSim } from './server.js';

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 5_000;
const ERROR_TEXT_CHARS = 2_000;

/** The first line that `candlescan sim` prints. */
const announcementSchema = z.object({ restUrl: z.url(), streamUrl: z.url() });

export interface SimProcessOptions {
  /** Arguments of the child after node's own: the program's file, `sim`, its options. */
  readonly argv: readonly string[];
  readonly clock: Clock;
  /** 20 s by default. */
  readonly startDeadlineMs?: number;
}

export interface SimProcess {
  readonly restUrl: string;
  readonly streamUrl: string;
  readonly pid: number;
  /** Ends the child, by force when it does not go. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded exchange as a child of this process. The child holds the other end of an IPC channel, which the
 * operating system closes when this process dies in whatever way; then the child stops by itself.
 *
 * Rejects when the child ends or stays silent instead of announcing its addresses; what it wrote to stderr is in the message.
 */
export async function startSimProcess(options: SimProcessOptions): Promise<SimProcess> {
  const { clock } = options;
  const child = spawn(process.execPath, [...options.argv], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  let stopped: Promise<void> | null = null;
  const stop = () => (stopped ??= stopChild(child, exited, clock));
  try {
    const addresses = await announcement(child, clock, options.startDeadlineMs ?? START_DEADLINE_MS);
    return { ...addresses, pid: child.pid as number, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function announcement(child: ChildProcess, clock: Clock, deadlineMs: number) {
  const stderr = keepTail(child.stderr as Readable);
  const lines = createInterface({ input: child.stdout as Readable });
  try {
    const line = await new Promise<string>((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`the embedded exchange ${what}${stderr.text()}`));
      const cancel = clock.setTimer(deadlineMs, () => fail(`did not start within ${deadlineMs} ms`));
      const settle = (then: () => void) => () => {
        cancel();
        then();
      };
      lines.once('line', (text) => settle(() => resolve(text))());
      child.once('error', (error) => settle(() => fail(`could not be started: ${error.message}`))());
      // Not `exit`: only when the streams are closed has all of stderr been read.
      child.once('close', (code, signal) => settle(() => fail(`ended with ${signal ?? `code ${code}`}`))());
    });
    return announcementSchema.parse(JSON.parse(line));
  } finally {
    lines.close();
    // A pipe that nobody reads would block the child once it is full.
    child.stdout?.resume();
  }
}

function keepTail(stream: Readable): { text(): string } {
  let tail = '';
  stream.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-ERROR_TEXT_CHARS);
  });
  return { text: () => (tail === '' ? '' : `: ${tail.trim()}`) };
}

async function stopChild(child: ChildProcess, exited: Promise<void>, clock: Clock): Promise<void> {
  if (child.connected) child.disconnect();
  const cancel = clock.setTimer(STOP_DEADLINE_MS, () => child.kill('SIGKILL'));
  await exited;
  cancel();
  child.stdout?.destroy();
  child.stderr?.destroy();
}

export interface SimEdge {
  readonly stdout: Writable;
  /** Stops the exchange, for instance at SIGINT. */
  readonly signal: AbortSignal;
  /** Calls back when the process that started this one is gone; see `parentGone`. */
  readonly onParentGone?: (callback: () => void) => void;
}

/** What `candlescan sim` does: starts the exchange, announces its addresses in one line, and returns when it has stopped. */
export async function runSim(options: SimOptions, edge: SimEdge): Promise<void> {
  const sim = await startSim(options);
  try {
    edge.stdout.write(`${JSON.stringify({ restUrl: sim.restUrl, streamUrl: sim.streamUrl })}\n`);
    await new Promise<void>((resolve) => {
      if (edge.signal.aborted) resolve();
      edge.signal.addEventListener('abort', () => resolve(), { once: true });
      edge.onParentGone?.(resolve);
    });
  } finally {
    await sim.stop();
  }
}

/** The part of `process` that tells a child about its parent. */
export interface ParentLink {
  readonly connected?: boolean;
  once(event: 'disconnect', callback: () => void): unknown;
}

/** For `onParentGone`: a process without an IPC channel has no such parent, and the callback is never called. */
export function parentGone(link: ParentLink): ((callback: () => void) => void) | undefined {
  if (link.connected === undefined) return undefined;
  return (callback) => {
    link.once('disconnect', callback);
    if (!link.connected) callback();
  };
}

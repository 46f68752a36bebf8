import { createHash } from 'node:crypto';
import { access, constants, mkdir, stat } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { type Clock, sleep, systemClock } from './clock.js';
import { askHolder, holderServer, type LockHolder } from './lock-holder.js';
import { pathProblem } from './path-problem.js';
import { removeStaleSocket } from './stale-socket.js';

/*
 * One process per directory, held by a listening socket: binding is atomic, a stopped process (SIGSTOP) keeps it, and
 * the operating system frees it when the process ends in whatever way.
 *
 * On Linux the socket is an abstract one (unix(7)) named after device and inode of the directory, whatever path leads
 * to it, so nothing is left on disk; on Windows it is a named pipe. Elsewhere it is a file in the directory, of which a
 * dead process's is taken over.
 *
 * Limits: abstract names belong to a network namespace, so two containers that share a volume and not the network do
 * not see each other, nor do two machines. Any local user can take a name and so keep a process from starting.
 */

export interface DirectoryLock {
  /** Resolves when the lock is free. May be called again. */
  release(): Promise<void>;
}

export interface LockOptions {
  readonly clock?: Clock;
  readonly platform?: NodeJS.Platform;
}

export type LockState = { readonly held: false } | { readonly held: true; readonly holder: LockHolder | null };

/** Another process holds the lock; `holder` is null when it does not answer. */
export class LockHeldError extends Error {
  override readonly name = 'LockHeldError';
  readonly dir: string;
  readonly holder: LockHolder | null;

  constructor(dir: string, holder: LockHolder | null, address: string) {
    super(`${dir} is in use by ${holder === null ? silentHolder(address) : describeHolder(holder)}`);
    this.dir = dir;
    this.holder = holder;
  }
}

/** The directory cannot be created or written; the message says why and what to do. */
export class LockDirectoryError extends Error {
  override readonly name = 'LockDirectoryError';
  readonly what: string;
  readonly fix: string;

  constructor(dir: string, cause: unknown) {
    const { what, fix } = pathProblem(cause);
    super(`${dir}: ${what}; ${fix}`, { cause });
    this.what = what;
    this.fix = fix;
  }
}

const ATTEMPTS = 5;
const BETWEEN_ATTEMPTS_MS = 20;
/** `sun_path` holds 104 bytes on macOS and the BSDs, the closing zero included; a longer path would be cut. */
const LONGEST_SOCKET_PATH = 103;

/**
 * Takes the lock of a directory, which is created (0700) when it is missing. `self` is what others are told. Rejects
 * within a second with `LockHeldError` when another process has it, and with `LockDirectoryError` when the directory
 * cannot be used; neither changes anything in the directory.
 */
export async function acquireLock(dir: string, self: LockHolder, options: LockOptions = {}): Promise<DirectoryLock> {
  const { clock = systemClock, platform = process.platform } = options;
  const server = holderServer(self);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await access(dir, constants.W_OK | constants.X_OK);
    await bind(server, dir, await lockAddress(dir, platform), clock);
  } catch (error) {
    throw error instanceof LockHeldError ? error : new LockDirectoryError(dir, error);
  }
  // The lock is held whether or not a question could be answered.
  server.on('error', () => undefined);
  let released: Promise<void> | null = null;
  return {
    release: () => {
      released ??= new Promise((resolve) => server.close(() => resolve()));
      return released;
    },
  };
}

/** Who holds the lock of a directory, without touching it. A directory that is missing is held by nobody. */
export async function readHolder(dir: string, options: LockOptions = {}): Promise<LockState> {
  const { clock = systemClock, platform = process.platform } = options;
  let address: string;
  try {
    address = await lockAddress(dir, platform);
  } catch {
    return { held: false };
  }
  const answer = await askHolder(address, clock);
  if (answer === 'dead') return { held: false };
  return { held: true, holder: answer === 'silent' ? null : answer };
}

export function describeHolder({ pid, command, version, startedAt }: LockHolder): string {
  return `process ${pid} (${command}, version ${version}, since ${startedAt})`;
}

async function bind(server: Server, dir: string, address: string, clock: Clock): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const refused = await listen(server, address);
    if (refused === null) return;
    if (refused.code !== 'EADDRINUSE') throw refused;
    const answer = await askHolder(address, clock);
    if (answer !== 'dead') throw new LockHeldError(dir, answer === 'silent' ? null : answer, address);
    // Its holder has just gone, or listens in a moment, or left a file behind.
    if (attempt === ATTEMPTS) throw new LockHeldError(dir, null, address);
    if (isFile(address)) {
      await removeStaleSocket(address, async () => (await askHolder(address, clock)) === 'dead', clock);
    } else await sleep(clock, BETWEEN_ATTEMPTS_MS);
  }
}

function listen(server: Server, address: string): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const settle = (error: NodeJS.ErrnoException | null) => {
      server.off('error', settle).off('listening', onListening);
      resolve(error);
    };
    const onListening = () => settle(null);
    server.once('error', settle).once('listening', onListening);
    server.listen(address);
  });
}

/** The same for every path to the directory, but for a socket file's. Rejects with the file system's error. */
async function lockAddress(dir: string, platform: NodeJS.Platform): Promise<string> {
  const { dev, ino } = await stat(dir, { bigint: true });
  const name = `directory-lock-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32)}`;
  if (platform === 'linux') return `\0${name}`;
  if (platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const path = join(dir, 'lock.sock');
  const bytes = Buffer.byteLength(path);
  if (bytes > LONGEST_SOCKET_PATH) {
    throw Object.assign(new Error(`${path} has ${bytes} bytes`), { code: 'ENAMETOOLONG' });
  }
  return path;
}

function isFile(address: string): boolean {
  return !address.startsWith('\0') && !address.startsWith('\\\\');
}

function silentHolder(address: string): string {
  if (address.startsWith('\0')) return `a process that does not answer (ss -xlp | grep ${address.slice(1)} names it)`;
  return isFile(address) ? `a process that does not answer at ${address}` : 'a process that does not answer';
}

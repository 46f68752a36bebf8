import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

const SOURCES = new URL('../../build/', import.meta.url);
const HOLDER = fileURLToPath(new URL('lock-holder.mjs', import.meta.url));

/** Whether the sources are compiled, which processes of their own need. */
export const compiled = existsSync(new URL('lib/directory-lock.js', SOURCES));

export interface LockProcess {
  readonly child: ChildProcess;
  /** `locked`, or the exit code. */
  readonly outcome: Promise<'locked' | number | null>;
  readonly exited: Promise<void>;
  /** What the process that came too late was told. */
  refusal(): { readonly message: string; readonly holder: object | null; readonly cpuMs: number };
}

/** Starts processes that take a lock; those that live after a test are killed. */
export function lockProcesses(): (dir: string, ...more: string[]) => LockProcess {
  const children = new Set<ChildProcess>();
  afterEach(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    children.clear();
  });
  return (dir, platform = process.platform, ...more) => {
    const child = spawn(process.execPath, [HOLDER, SOURCES.href, dir, platform, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const closed = once(child, 'close');
    const outcome = Promise.race([
      once(child.stdout, 'data').then(() => 'locked' as const),
      closed.then(([code]) => code as number | null),
    ]);
    return {
      child,
      outcome,
      exited: once(child, 'exit').then(() => undefined),
      refusal: () => JSON.parse(stderr) as ReturnType<LockProcess['refusal']>,
    };
  };
}

/** A digest of all names, modes, sizes, times and contents below a directory. */
export function treeHash(dir: string): string {
  const hash = createHash('sha256');
  for (const name of ['.', ...(readdirSync(dir, { recursive: true }) as string[])].sort()) {
    const path = join(dir, name);
    const { mode, size, mtimeMs } = lstatSync(path);
    hash.update(JSON.stringify([name, mode, size, mtimeMs]));
    if (lstatSync(path).isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

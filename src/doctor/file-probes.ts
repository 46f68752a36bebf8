import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { DirectoryFacts, DiskFacts } from './probes.js';

/** Larger than what file systems keep inside an inode, so that a full disk shows. */
const PROBE_BYTES = 64 * 1024;
const PROBE_NAME = '.doctor-';
/** Beyond this whoever made a probe is not at work on it any more. */
const OLD_PROBE_MS = 60_000;

/**
 * Makes a directory with a file in the nearest directory that exists, which is what creating the wanted one and writing
 * into it takes, and removes both.
 */
export async function probeDirectory(path: string): Promise<DirectoryFacts> {
  const nearest = await nearestDirectory(path);
  const own = nearest === path ? await stat(path) : null;
  return { nearest, stat: own && { mode: own.mode, uid: own.uid }, error: await writeError(nearest) };
}

export async function probeDisk(path: string): Promise<DiskFacts> {
  const { bavail, bsize, files, ffree } = await statfs(await nearestDirectory(path));
  // File systems without a table of inodes say 0.
  return { freeBytes: bavail * bsize, freeFiles: files === 0 ? null : ffree };
}

/** Node raises its soft limit to the hard one as it starts, so this is what the daemon will have too. */
export async function openFilesLimit(): Promise<number | null> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => null);
  const text = limits === null ? await shellLimit() : (/^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? '');
  if (text === 'unlimited') return Number.POSITIVE_INFINITY;
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** Where there is no `/proc`. */
async function shellLimit(): Promise<string> {
  const answer = await promisify(execFile)('sh', ['-c', 'ulimit -n']).catch(() => ({ stdout: '' }));
  return answer.stdout.trim();
}

/** Also a file that stands where a directory should: writing there says so. */
async function nearestDirectory(path: string): Promise<string> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  const parent = dirname(path);
  return exists || parent === path ? path : await nearestDirectory(parent);
}

async function writeError(nearest: string): Promise<unknown> {
  try {
    const probe = await mkdtemp(join(nearest, PROBE_NAME));
    try {
      await removeOldProbes(nearest, (await stat(probe)).mtimeMs - OLD_PROBE_MS);
      const file = await open(join(probe, 'probe'), 'wx', 0o600);
      try {
        await file.write(Buffer.alloc(PROBE_BYTES, 1));
        await file.sync();
      } finally {
        await file.close();
      }
    } finally {
      await rm(probe, { recursive: true, force: true });
    }
    return null;
  } catch (error) {
    return error;
  }
}

/** A process that was killed in the middle leaves its probe behind. */
async function removeOldProbes(dir: string, beforeMs: number): Promise<void> {
  const names = (await readdir(dir)).filter((name) => name.startsWith(PROBE_NAME));
  for (const path of names.map((name) => join(dir, name))) {
    const made = await stat(path).catch(() => null);
    if (made !== null && made.mtimeMs < beforeMs) await rm(path, { recursive: true, force: true });
  }
}

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findVersioned, removeEmptyParents } from './disk.js';

export interface SweepReport {
  /** Files of writes that were killed. */
  readonly tmpFiles: number;
  /** Content that no index line names. */
  readonly orphans: number;
  readonly bytes: number;
}

/**
 * Removes what a killed writer left: temporary files last changed before `tmpBefore` (epoch ms) and content outside
 * `live` (absolute paths). Only the writer may call it, and not while it writes.
 */
export async function sweepFiles(dir: string, live: ReadonlySet<string>, tmpBefore: number): Promise<SweepReport> {
  let bytes = 0;
  let tmpFiles = 0;
  let orphans = 0;
  for (const path of await filesUnder(join(dir, 'tmp'))) {
    const info = await stat(path).catch(() => null);
    if (info === null || info.mtimeMs >= tmpBefore) continue;
    await rm(path, { force: true });
    bytes += info.size;
    tmpFiles += 1;
  }
  const content = await findVersioned(dir, 'content-v');
  for (const path of content === null ? [] : await filesUnder(content)) {
    if (live.has(path)) continue;
    bytes += (await stat(path).catch(() => ({ size: 0 }))).size;
    await rm(path, { force: true });
    await removeEmptyParents(path);
    orphans += 1;
  }
  return { tmpFiles, orphans, bytes };
}

/** Every file below `dir`; none when it does not exist. */
export async function filesUnder(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

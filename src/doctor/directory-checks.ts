import { join } from 'node:path';
import { describeHolder } from '../lib/directory-lock.js';
import { pathProblem } from '../lib/path-problem.js';
import { readableBytes } from './amounts.js';
import { type Context, type Definition, fail, ok, skipped, type Verdict, warn } from './contract.js';

/** The directories that the process writes to, the room in them, and who else does. */
export const directoryChecks: readonly Definition[] = [
  {
    id: 'data-dir',
    level: 'required',
    title: 'data directory',
    key: 'dataDir',
    short: true,
    needs: 'config',
    judge: ({ config, probes }) => writable(probes, config.dataDir),
  },
  {
    id: 'cache-dir',
    level: 'required',
    title: 'cache directory',
    key: 'cache.l2Dir',
    short: true,
    needs: 'config',
    judge: ({ config, probes }) => writable(probes, config.cache.l2Dir),
  },
  {
    id: 'signals-dir',
    level: 'required',
    title: 'signals directory',
    key: 'dataDir',
    short: true,
    needs: 'config',
    judge: ({ config, probes }) => writable(probes, join(config.dataDir, 'signals')),
  },
  { id: 'data-dir-mode', level: 'recommended', title: 'owner and mode', key: 'dataDir', needs: 'config', judge: mode },
  // Not in the short form: a full disk is no wrong setting, and a start that it forbade would outlast it.
  { id: 'disk', level: 'required', title: 'disk', key: 'cache.l2MaxSize', needs: 'config', judge: disk },
  { id: 'lock', level: 'required', title: 'lock', key: 'dataDir', needs: 'config', judge: lock },
];

type Probes = Context['probes'];

/** The directory is the right one; that it is full is told by the row of the disk, and passes. */
const NO_ROOM: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

export async function writable(probes: Probes, path: string): Promise<Verdict> {
  const { nearest, error } = await probes.directory(path);
  const expected = 'a directory that this user can write, or create';
  if (error === null) return ok(nearest === path ? path : `${path} (to be created in ${nearest})`, expected);
  const { what, fix } = pathProblem(error);
  const isFull = NO_ROOM.has((error as NodeJS.ErrnoException).code);
  return (isFull ? warn : fail)(`${path}: ${what}`, expected, fix);
}

async function mode({ config, probes }: Context): Promise<Verdict> {
  const { stat } = await probes.directory(config.dataDir);
  const { uid } = probes.process;
  if (stat === null) return skipped('the data directory does not exist yet; it is created for its user alone');
  if (uid === null) return skipped('this system has no owners and modes');
  const found = `${(stat.mode & 0o777).toString(8)}, owner ${stat.uid}`;
  const expected = `owner ${uid}, writable by nobody else`;
  if (stat.uid !== uid) return warn(found, expected, `chown -R ${uid} ${config.dataDir}, or start as its owner`);
  if ((stat.mode & 0o022) !== 0) return warn(found, expected, `chmod go-w ${config.dataDir}`);
  return ok(found, expected);
}

const MIB = 2 ** 20;
/** For the logs of signals, the database, and other programs. */
const MARGIN_BYTES = 256 * MIB;
/** Below this the next hour is in danger. */
const LEAST_BYTES = 64 * MIB;
/** Files of a full cache and of a month of signals, generously. */
const LEAST_FILES = 10_000;

async function disk(context: Context): Promise<Verdict> {
  const { config } = context;
  const { l2Dir, l2MaxSizeBytes } = config.cache;
  const data = await room(context, config.dataDir, 0);
  if (data.status !== 'ok') return data;
  return await room(context, l2Dir, l2MaxSizeBytes);
}

/** Whether a directory's file system holds what the cache may still grow by, and the margin. */
async function room({ probes, config }: Context, dir: string, cacheMaxBytes: number): Promise<Verdict> {
  // What keeps a directory from being used is told by its own row.
  const facts = await probes.disk(dir).catch(() => null);
  if (facts === null) return skipped(`no file system can be asked at ${dir}`);
  const { freeBytes, freeFiles } = facts;
  let need = cacheMaxBytes + MARGIN_BYTES;
  if (freeBytes < need && cacheMaxBytes > 0)
    need -= Math.min(cacheMaxBytes, await probes.cacheBytes(dir).catch(() => 0));
  const found = `${readableBytes(freeBytes)} free for ${dir}`;
  const expected = `${readableBytes(need)} or more, of which ${readableBytes(MARGIN_BYTES)} are a margin`;
  const fix = `free some space, or lower cache.l2MaxSize (${readableBytes(config.cache.l2MaxSizeBytes)})`;
  if (freeBytes < LEAST_BYTES) return fail(found, expected, fix);
  if (freeFiles !== null && freeFiles < LEAST_FILES) {
    return warn(
      `${found}, ${freeFiles} more files`,
      `${expected}, and ${LEAST_FILES} more files`,
      'remove files: inodes run out',
    );
  }
  return freeBytes < need ? warn(found, expected, fix) : ok(found, expected);
}

async function lock({ config, probes }: Context): Promise<Verdict> {
  const state = await probes.lock(config.dataDir);
  const expected = 'free for one process at a time';
  if (!state.held) return ok('free', expected);
  const { holder } = state;
  if (holder?.pid === probes.process.pid) return ok('held by this process', expected);
  if (holder === null) {
    const fix = 'it may be stopped (kill -CONT) or stuck; end it before you start another';
    return warn('held by a process that does not answer', expected, fix);
  }
  return warn(
    `held by ${describeHolder(holder)}`,
    expected,
    'a start now exits with 75; stop that process first, or use another dataDir',
  );
}

import { open, rm, stat, unlink } from 'node:fs/promises';
import { type Clock, sleep } from './clock.js';

/** A socket that is bound and does not listen yet looks like a dead one; both happen in one turn of its event loop. */
const BIRTH_MS = 100;

/**
 * Removes a socket file whose process is gone. Two processes may find the same one: a guard file, created exclusively
 * and named after that very socket (inode and time), decides who removes it; the other one returns and looks again. So
 * the fresh socket of the first is never removed by the second.
 *
 * A process that is killed between creating the guard and removing it leaves the lock taken: safe, and in need of a hand.
 */
export async function removeStaleSocket(path: string, isDead: () => Promise<boolean>, clock: Clock): Promise<void> {
  const stale = await identityOf(path);
  if (stale === null) return;
  await sleep(clock, BIRTH_MS);
  if (!(await isDead())) return;
  const guard = `${path}.${stale}`;
  if (!(await createdExclusively(guard))) return;
  try {
    if ((await identityOf(path)) === stale) await unlink(path);
  } finally {
    await rm(guard, { force: true });
  }
}

async function identityOf(path: string): Promise<string | null> {
  try {
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}-${mtimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function createdExclusively(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

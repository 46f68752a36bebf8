import type { LoadedConfig } from '../config/load.js';
import { ConfigError } from '../domain/errors.js';
import type { Clock } from '../lib/clock.js';
import { acquireLock, type DirectoryLock, LockDirectoryError } from '../lib/directory-lock.js';
import { version } from './version.js';

/**
 * Takes the data directory for this process, before anything is written there. Rejects with `LockHeldError` (exit code
 * 75) when another process has it, and with a `ConfigError` (78) when it cannot be used.
 */
export async function lockDataDir(
  { config, origins }: Pick<LoadedConfig, 'config' | 'origins'>,
  command: string,
  clock: Clock,
): Promise<DirectoryLock> {
  const startedAt = new Date(clock.now()).toISOString();
  try {
    return await acquireLock(config.dataDir, { pid: process.pid, startedAt, version: version(), command }, { clock });
  } catch (error) {
    if (!(error instanceof LockDirectoryError)) throw error;
    const place = `${origins.get('dataDir') ?? 'default'}: dataDir`;
    const allowed = 'a directory that this user can write, or create';
    throw new ConfigError(`${place}: found ${config.dataDir}: ${error.what}, allowed ${allowed}; ${error.fix}`);
  }
}

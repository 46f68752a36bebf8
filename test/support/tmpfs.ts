import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { temporaryDir } from './cli.js';

export interface Tmpfs {
  readonly dir: string;
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  unmount(): void;
}

/** A file system in memory, or null where this user may not mount one. */
export function mountTmpfs(size: string, options = 'rw'): Tmpfs | null {
  if (process.getuid?.() !== 0) return null;
  const dir = temporaryDir();
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size},${options}`, 'tmpfs', dir]);
  if (status !== 0) return null;
  const ballast = `${dir}/ballast`;
  return {
    dir,
    fill: () => void spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k']),
    free: () => rmSync(ballast),
    unmount: () => void spawnSync('umount', ['-l', dir]),
  };
}

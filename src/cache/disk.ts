import { access, constants, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { CacheObject } from 'cacache';

/** A bucket is `index-vN/aa/bb/rest`. */
const BUCKET_DEPTH = 3;

/** What the store needs of cacache, as a port, so that tests can make the disk fail. Every method may reject. */
export interface Disk {
  /** The newest valid index line of every key. */
  list(dir: string): Promise<readonly CacheObject[]>;
  /** Rejects with EINTEGRITY when the content is not what its name says. */
  read(dir: string, integrity: string): Promise<Buffer>;
  /** Writes content and index line; resolves with the entry as the index now holds it. */
  write(dir: string, key: string, data: Buffer, metadata: unknown): Promise<CacheObject>;
  /** Removes the content file, with the directories that became empty. */
  removeContent(dir: string, entry: { readonly integrity: string; readonly path: string }): Promise<void>;
  /** Removes the key's index bucket itself, whatever it has become. */
  removeEntry(dir: string, key: string): Promise<void>;
}

/** Its many modules are loaded with the first use, or by whoever has a moment for them. */
export const loadCacache = async () => (await import('cacache')).default;

export const cacacheDisk: Disk = {
  async list(dir) {
    const index = await findVersioned(dir, 'index-v');
    if (index === null) return [];
    const cacache = await loadCacache();
    return Object.values(await cacache.ls(dir).catch(() => listAfterRepair(dir, index)));
  },
  async read(dir, integrity) {
    const cacache = await loadCacache();
    return cacache.get.byDigest(dir, integrity, { memoize: false });
  },
  async write(dir, key, data, metadata) {
    const cacache = await loadCacache();
    await cacache.put(dir, key, data, { metadata, memoize: false });
    // Down to one line: the bucket does not grow, and a torn line leaves no older one to fall back to. It also
    // notices that the index was not written, which `put` keeps to itself when the directory vanished meanwhile.
    const [entry] = await cacache.index.compact(dir, key, (a, b) => a.key === b.key);
    if (entry === undefined) throw Object.assign(new Error(`index of ${key} was not written`), { code: 'ENOENT' });
    return entry;
  },
  async removeContent(dir, { integrity, path }) {
    const cacache = await loadCacache();
    await cacache.rm.content(dir, integrity);
    await removeEmptyParents(path);
  },
  async removeEntry(dir, key) {
    const cacache = await loadCacache();
    // The option is there since cacache 16, the types do not know it.
    const removeEntry: (dir: string, key: string, options: { removeFully: boolean }) => Promise<unknown> =
      cacache.rm.entry;
    await removeEntry(dir, key, { removeFully: true });
  },
};

/** `cacache.ls` gives up at the first bucket that is a directory or cannot be read; those are removed and it tries again. */
async function listAfterRepair(dir: string, index: string): Promise<Record<string, CacheObject>> {
  for (const entry of await readdir(index, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const depth = relative(index, path).split(sep).length;
    const sound = depth < BUCKET_DEPTH ? entry.isDirectory() : depth > BUCKET_DEPTH || (await isReadableFile(path));
    if (!sound) await rm(path, { recursive: true, force: true });
  }
  return (await loadCacache()).ls(dir);
}

async function isReadableFile(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** The folder of cacache whose name starts with `prefix` and ends in a version. */
export async function findVersioned(dir: string, prefix: string): Promise<string | null> {
  const names = await readdir(dir).catch(() => []);
  const name = names.find((candidate) => candidate.startsWith(prefix));
  return name === undefined ? null : join(dir, name);
}

/**
 * cacache leaves the two directories above a removed content file. Content names are random, so after some thousand
 * flushes there would be 65,536 of them, 4 kB each.
 */
export async function removeEmptyParents(path: string): Promise<void> {
  try {
    await rmdir(dirname(path));
    await rmdir(dirname(dirname(path)));
  } catch {
    // Not empty, or already gone.
  }
}

/**
 * The code of a file system error. cacache gives every failed rename the code EEXIST; the true one is at the start of
 * the message then.
 */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const fromMessage = /^(E[A-Z0-9]+):/.exec(error.message)?.[1];
  const code = (error as NodeJS.ErrnoException).code;
  return fromMessage ?? code ?? error.name;
}

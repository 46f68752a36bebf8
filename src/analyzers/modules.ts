import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

const LARGEST_BYTES = 1024 * 1024;
const EXTENSIONS = new Set(['.js', '.mjs']);
const WORLD_WRITABLE = 0o002;

/** A file that may be imported by the workers, as it was when the pool was made. */
export interface ModuleFile {
  readonly file: string;
  /** SHA-256 (hex) of its bytes. */
  readonly digest: string;
}

/** A file whose analyzers are left out, and why. */
export interface RefusedModule {
  readonly file: string;
  readonly reason: string;
}

export interface FoundModules {
  readonly modules: readonly ModuleFile[];
  readonly refused: readonly RefusedModule[];
}

/**
 * The modules among `paths`: files as they are, folders as the `.js` and `.mjs` files directly in them, by name. Files
 * are read and judged here but never imported: only a worker runs foreign code.
 */
export async function findModules(paths: readonly string[]): Promise<FoundModules> {
  const modules: ModuleFile[] = [];
  const refused: RefusedModule[] = [];
  for (const given of new Set(paths.map((entry) => path.resolve(entry)))) {
    for (const file of await filesAt(given, refused)) {
      try {
        modules.push({ file, digest: await inspect(file, given) });
      } catch (error) {
        refused.push({ file, reason: error instanceof Error ? error.message : String(error) });
      }
    }
  }
  return { modules, refused };
}

export async function digestFile(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

async function filesAt(given: string, refused: RefusedModule[]): Promise<string[]> {
  try {
    if (!(await stat(given)).isDirectory()) return [given];
    const names = (await readdir(given)).filter((name) => EXTENSIONS.has(path.extname(name)));
    return names.sort().map((name) => path.join(given, name));
  } catch (error) {
    refused.push({ file: given, reason: error instanceof Error ? error.message : String(error) });
    return [];
  }
}

/** The digest of a file that may be loaded; throws an error that says why it may not. */
async function inspect(file: string, given: string): Promise<string> {
  const extension = path.extname(file);
  if (!EXTENSIONS.has(extension)) throw new Error(`extension is '${extension}', not .js or .mjs`);
  const real = await realpath(file);
  if (file !== given && path.dirname(real) !== (await realpath(given)))
    throw new Error(`links out of its folder, to ${real}`);
  const { size, mode } = await stat(real);
  if (size > LARGEST_BYTES) throw new Error(`has ${size} bytes, not at most ${LARGEST_BYTES}`);
  if ((mode & WORLD_WRITABLE) !== 0) throw new Error('can be written by everybody (chmod o-w)');
  return digestFile(real);
}

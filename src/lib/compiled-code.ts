import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import vm from 'node:vm';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';

/** Code that is kept cannot `import()`, so the module that does is left to Node. */
const IMPORTING = 'import-module.js';
/** In front of the code: when the source it was compiled from was last changed (f64, epoch ms), and its own checksum. */
const HEADER_BYTES = 12;
const CRC_AT = 8;
const COMPILE = '_compile';

interface CommonJsModule {
  exports: unknown;
}

type Compile = (this: CommonJsModule, source: string, filename: string) => unknown;
type Wrapped = (
  this: unknown,
  exports: unknown,
  require: NodeJS.Require,
  module: CommonJsModule,
  filename: string,
  dirname: string,
) => unknown;

/** Compiled in this thread without kept code, by the file that is to keep it. */
const unkept = new Map<string, { readonly script: vm.Script; readonly changedAt: number }>();

/**
 * Keeps what V8 compiled between starts, functions that were first needed later included: a start takes two thirds of
 * the time. From Node 22.1 on Node does it; before, this does it for CommonJS modules of `directory`, in a folder of
 * it that the other versions of Node share. Call it before the modules are loaded, and `saveCompiledCode` once they
 * have been used.
 */
export function keepCompiledCode(directory: string): void {
  const { enableCompileCache } = module as { enableCompileCache?: () => unknown };
  if (enableCompileCache !== undefined) {
    enableCompileCache();
    return;
  }
  const parent = resolve(directory);
  const kept = join(parent, 'compiled', `${process.version}-${cachedDataVersionTag().toString(16)}`);
  // What every library of this kind overrides; Node has no other place for it.
  const prototype = module.prototype as unknown as { [COMPILE]: Compile };
  const compile = prototype[COMPILE];
  prototype[COMPILE] = function compileWithCode(source, filename) {
    const keeps = filename.startsWith(parent + sep) && basename(filename) !== IMPORTING;
    if (!keeps) return compile.call(this, source, filename);
    const script = scriptOf(source, filename, join(kept, `${basename(filename)}.bin`));
    const run = script.runInThisContext() as Wrapped;
    return run.call(this.exports, this.exports, module.createRequire(filename), this, filename, dirname(filename));
  };
}

/**
 * Writes what was compiled anew. When another process has kept code of the same file meanwhile, the larger one stays: it
 * knows more functions. A directory that may not be written stays as it is, and the next start as slow.
 */
export function saveCompiledCode(): void {
  for (const [file, { script, changedAt }] of unkept) {
    const code = script.createCachedData();
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeDoubleLE(changedAt);
    header.writeUInt32LE(crc32(code), CRC_AT);
    try {
      const kept = statSync(file, { throwIfNoEntry: false });
      if (kept !== undefined && kept.size >= HEADER_BYTES + code.length) continue;
      mkdirSync(dirname(file), { recursive: true });
      const unfinished = `${file}.${process.pid}-${threadId}.tmp`;
      writeFileSync(unfinished, Buffer.concat([header, code]));
      renameSync(unfinished, file);
    } catch {
      break;
    }
  }
  unkept.clear();
}

function scriptOf(source: string, filename: string, file: string): vm.Script {
  const changedAt = statSync(filename).mtimeMs;
  const cachedData = readCode(file, changedAt);
  const script = new vm.Script(module.wrap(source), {
    filename,
    ...(cachedData !== null && { cachedData }),
  });
  if (cachedData === null || script.cachedDataRejected === true) {
    discard(file);
    unkept.set(file, { script, changedAt });
  }
  return script;
}

/** V8 trusts what it is given: code of another source, and damaged code, are told apart here. */
function readCode(file: string, changedAt: number): Buffer | null {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(HEADER_BYTES);
    return bytes.readDoubleLE() === changedAt && bytes.readUInt32LE(CRC_AT) === crc32(code) ? code : null;
  } catch {
    return null;
  }
}

function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It is as useless as before.
  }
}

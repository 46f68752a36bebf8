import { pathToFileURL } from 'node:url';
import { importModule } from '../lib/import-module.js';
import { builtInAnalyzers } from './builtin/index.js';
import { InvalidAnalyzer } from './identity.js';
import { digestFile, type ModuleFile, type RefusedModule } from './modules.js';
import { describeFailure } from './opinion.js';
import type { Progress } from './progress.js';
import { AnalyzerRegistry } from './registry.js';

export interface LoadedRegistry {
  readonly registry: AnalyzerRegistry;
  readonly refused: readonly RefusedModule[];
}

/**
 * Imports the modules one after the other, so that the order and the answer to a name clash do not depend on timing.
 * A module that hangs is the caller's to end: `progress` says which one is being loaded. Call it in a worker only.
 */
export async function loadRegistry(modules: readonly ModuleFile[], progress: Progress): Promise<LoadedRegistry> {
  const registry = new AnalyzerRegistry(builtInAnalyzers);
  const refused: RefusedModule[] = [];
  for (const [step, { file, digest }] of modules.entries()) {
    progress.begin(step);
    try {
      if ((await digestFile(file)) !== digest) throw new InvalidAnalyzer('changed on disk since the start');
      registry.add(await importDefault(file), file);
    } catch (error) {
      refused.push({ file, reason: error instanceof InvalidAnalyzer ? error.message : describeFailure(error).message });
    }
    progress.end(step, 0);
  }
  return { registry, refused };
}

async function importDefault(file: string): Promise<unknown> {
  const prototypes = [Object.prototype, Array.prototype, Function.prototype];
  const untouched = prototypes.map((prototype) => new Set(Reflect.ownKeys(prototype)));
  const [outcome] = await Promise.allSettled([importModule(pathToFileURL(file).href)]);
  const added = prototypes.flatMap((prototype, index) =>
    Reflect.ownKeys(prototype).filter((key) => !untouched[index]?.has(key) && Reflect.deleteProperty(prototype, key)),
  );
  if (outcome.status === 'rejected') throw outcome.reason;
  if (added.length > 0) throw new InvalidAnalyzer(`adds ${added.map(String).join(', ')} to a prototype of all objects`);
  if (!Object.hasOwn(outcome.value, 'default')) throw new InvalidAnalyzer('has no default export');
  return outcome.value['default'];
}

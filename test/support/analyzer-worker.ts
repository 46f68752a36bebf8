import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The compiled worker. Node cannot run the sources in a thread, so tests with real workers need a build before them,
 * which `npm test` does.
 */
export const workerUrl = new URL('../../build/analyzers/worker.js', import.meta.url);

if (!existsSync(workerUrl)) throw new Error(`build first: ${fileURLToPath(workerUrl)} is missing`);

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/analyzers/${name}`, import.meta.url));

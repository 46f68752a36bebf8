import { createRequire } from 'node:module';
import type { errors as UndiciErrors, Pool as UndiciPool } from 'undici';

// The two modules of undici that we need, by their paths: its index loads fetch, WebSocket, caches and mocks as well,
// which is a tenth of a second of start-up on a small machine. The version is pinned; a test loads both.
const load = createRequire(import.meta.url);

export const Pool = load('undici/lib/dispatcher/pool.js') as typeof UndiciPool;
export type Pool = UndiciPool;
export const errors = load('undici/lib/core/errors.js') as typeof UndiciErrors;

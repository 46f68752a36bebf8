import type { errors as UndiciErrors, Pool as UndiciPool } from 'undici';
import undiciErrors from 'undici/lib/core/errors.js';
import undiciPool from 'undici/lib/dispatcher/pool.js';

// The two modules of undici that we need, by their paths: its index loads fetch, WebSocket, caches and mocks as well,
// which is a tenth of a second of start-up on a small machine. The version is pinned; a test loads both.
export const Pool = undiciPool as typeof UndiciPool;
export type Pool = UndiciPool;
export const errors = undiciErrors as typeof UndiciErrors;

import { fileURLToPath } from 'node:url';
import { keepCompiledCode } from '../lib/compiled-code.js';

// The entry of a worker thread.
keepCompiledCode(fileURLToPath(new URL('..', import.meta.url)));
void import('./serving.js');

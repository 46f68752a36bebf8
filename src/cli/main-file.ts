import { fileURLToPath } from 'node:url';

/** The program itself, to start another process of it. */
export const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

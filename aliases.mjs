import { fileURLToPath } from 'node:url';

/** Paths inside packages that these do not export, for the build and the tests. */
export const aliases = {
  'ccxt/js/src/binanceusdm.js': fileURLToPath(new URL('node_modules/ccxt/js/src/binanceusdm.js', import.meta.url)),
};

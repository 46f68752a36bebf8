import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'rolldown';
import { aliases } from './aliases.mjs';

const CHUNKS = 'chunks';
/** Written when the bundle is whole. */
const DONE = 'dist/package.json';
const STARKNET = '\0@scure/starknet';
const STARKNET_NAMES = ['getStarkKey', 'ethSigToPrivate', 'sign', 'pedersen', 'keccak', 'poseidonHashMany'];

/**
 * ccxt computes tables for signing on StarkNet when it is loaded. No exchange of ours signs there, and the tables take
 * longer than all the rest of the class.
 */
const withoutStarknet = {
  name: 'without-starknet',
  resolveId: (id) => (id === '@scure/starknet' ? STARKNET : null),
  load: (id) => (id === STARKNET ? STARKNET_NAMES.map((name) => `export const ${name} = undefined;`).join('\n') : null),
};

/** Compiled code that is kept cannot `import()` (`src/lib/compiled-code.ts`); what is named can be required as well. */
const withoutImport = {
  name: 'without-import',
  renderChunk: (code) =>
    code.replaceAll(/\bimport\(\s*(?:\/\*[^*]*\*\/\s*)*("[^"]+")\s*\)/g, 'Promise.resolve(require($1))'),
};

if (!(process.argv.includes('--if-changed') && isCurrent())) {
  const { output } = await bundle();
  writeFileSync(DONE, `${JSON.stringify({ type: 'commonjs', code: digest(output) })}\n`);
  keepCompiledCode();
}

/** What `codeIdentity` in `src/cli/version.ts` gives: two builds have the same when they say the same of the same candles. */
function digest(output) {
  const hash = createHash('sha256');
  for (const { code } of output) hash.update(code ?? '');
  return hash.digest('hex').slice(0, 32);
}

/** Whether nothing that the program is made of has changed since it was built. */
function isCurrent() {
  const sources = readdirSync('src', { recursive: true }).map((name) => join('src', name));
  const builtAt = statSync(DONE, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return [...sources, 'build.mjs', 'package-lock.json'].every((file) => statSync(file).mtimeMs < builtAt);
}

/**
 * One program instead of a thousand modules: a scan starts in half the time. CommonJS, because Node 20 keeps compiled
 * code only of that (`src/lib/compiled-code.ts`). Chunks lie one folder deep, like the sources, so that what the code
 * finds relative to itself (`config/default.yaml`, `worker.js`) is found from both.
 */
function bundle() {
  return build({
    platform: 'node',
    logLevel: 'warn',
    input: {
      main: 'src/main.ts',
      [`${CHUNKS}/worker`]: 'src/analyzers/worker.ts',
      [`${CHUNKS}/import-module`]: 'src/lib/import-module.ts',
      [`${CHUNKS}/analysis`]: 'src/cli/bench/analysis.ts',
      [`${CHUNKS}/floor`]: 'src/cli/bench/floor.ts',
      [`${CHUNKS}/old-way`]: 'src/cli/bench/old-way.ts',
    },
    plugins: [withoutStarknet, withoutImport],
    resolve: { alias: aliases },
    external: [
      // Every exchange, for the day that another one is configured.
      'ccxt',
      // Optional parts of ws and ccxt, which are not installed.
      /^(bufferutil|utf-8-validate|protobufjs\/.*|(http|https|socks)-proxy-agent)$/,
    ],
    output: { dir: 'dist', format: 'cjs', chunkFileNames: `${CHUNKS}/[name]-[hash].js`, cleanDir: true },
  });
}

/**
 * A small scan on the embedded exchange, so that a user's first one finds its code compiled. Where nothing may listen,
 * for instance, that first one compiles.
 */
function keepCompiledCode() {
  const dataDir = mkdtempSync(join(tmpdir(), 'candlescan-build-'));
  const options = ['--symbols', '64', '--latency-ms', '0', '--json', '--log-level', 'error', '--data-dir', dataDir];
  spawnSync(process.execPath, ['dist/main.js', 'scan', '--exchange', 'sim', ...options], {
    stdio: 'ignore',
    timeout: 30_000,
  });
  rmSync(dataDir, { recursive: true, force: true });
}

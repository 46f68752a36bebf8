#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { keepCompiledCode, saveCompiledCode } from './lib/compiled-code.js';

const SAVE_AFTER_MS = 20_000;

keepCompiledCode(fileURLToPath(new URL('.', import.meta.url)));
process.once('exit', saveCompiledCode);
// A daemon may never see its exit.
setTimeout(saveCompiledCode, SAVE_AFTER_MS).unref();

// A reader that goes away (`candlescan scan | head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// Logs whose reader is gone are lost, the work is not.
process.stderr.on('error', () => undefined);

async function main(): Promise<void> {
  const { runCli } = await import('./cli/program.js');
  process.exitCode = await runCli(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    terminate: (exitCode) => process.exit(exitCode),
  });
}

void main();

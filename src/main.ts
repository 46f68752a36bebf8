#!/usr/bin/env node
import module from 'node:module';

// From Node 22.1 on compiled code is kept between starts.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();
const { runCli } = await import('./cli/program.js');

// A reader that goes away (`candlescan scan | head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// Logs whose reader is gone are lost, the work is not.
process.stderr.on('error', () => undefined);

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  terminate: (exitCode) => process.exit(exitCode),
});

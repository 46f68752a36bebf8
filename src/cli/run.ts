import { Command } from 'commander';
import { type CommonOptions, withCommonOptions } from './common.js';
import type { Io } from './io.js';
import { wholeNumber } from './options.js';

export interface RunOptions extends CommonOptions {
  readonly latencyMs: number;
}

export function runCommand(io: Io): Command {
  return withCommonOptions(new Command('run'))
    .description('the daemon: scans at every candle close, streams, serves HTTP')
    .option('--latency-ms <n>', 'latency of the embedded exchange', wholeNumber(0), 100)
    .action(async (options: RunOptions) => {
      const { runDaemon } = await import('./run-daemon.js');
      // All is released and written: what a library or a module of analyzers left behind must not keep the process.
      io.terminate(await runDaemon(options, io));
    });
}

import { Command } from 'commander';
import { systemClock } from '../lib/clock.js';
import { type CommonOptions, configOf, withCommonOptions } from './common.js';
import { EXIT, type Io } from './io.js';

export function analyzersCommand(io: Io, done: (exitCode: number) => void): Command {
  return withCommonOptions(new Command('analyzers'))
    .description(
      'lists the analyzers that the configuration switches on: version, parameters, warm-up, dependencies, origin',
    )
    .action(async (options: CommonOptions) => {
      const { config } = await configOf(options, io);
      const { createAnalyzerPool } = await import('../analyzers/pool.js');
      const { enabled, paths, budgetMs } = config.analyzers;
      // The workers load the modules, so listing them runs nothing foreign in this process.
      const pool = await createAnalyzerPool({
        workers: 1,
        ...(enabled && { enabled }),
        paths,
        budgetMs,
        clock: systemClock,
      });
      const { analyzers, refused } = pool;
      await pool.close();
      for (const { file, reason } of refused) io.stderr.write(`refused ${file}: ${reason}\n`);
      if (options.json) {
        io.stdout.write(`${JSON.stringify(analyzers)}\n`);
        return done(refused.length === 0 ? EXIT.done : EXIT.failed);
      }
      const { plainTable } = await import('./plain-table.js');
      const table = plainTable(['name', 'version', 'parameters', 'warmup', 'depends on', 'origin', 'what']);
      for (const { name, version, parameters, warmup, dependsOn, origin, description } of analyzers) {
        const shown = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
        table.push([name, version, shown.join(' '), warmup, dependsOn.join(' '), origin, description]);
      }
      io.stdout.write(`${table.toString()}\n`);
      done(refused.length === 0 ? EXIT.done : EXIT.failed);
    });
}

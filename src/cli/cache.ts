import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { systemClock } from '../lib/clock.js';
import { type CommonOptions, configOf, withCommonOptions } from './common.js';
import { EXIT, type Io } from './io.js';

interface Task {
  readonly name: string;
  readonly description: string;
  readonly run: (dir: string, options: CacheOptions, io: Io) => Promise<number>;
  /** Whether it removes anything: what another process keeps there is left alone. */
  readonly removes: (options: CacheOptions) => boolean;
}

interface CacheOptions extends CommonOptions {
  readonly remove?: boolean;
}

export function cacheCommand(io: Io, done: (exitCode: number) => void): Command {
  const command = new Command('cache').description('the candles on disk (cache.l2Dir)');
  const sub = ({ name, description, run, removes }: Task) => {
    const child = withCommonOptions(new Command(name)).description(description);
    child.action(async (options: CacheOptions) => {
      const loaded = await configOf(options, io);
      const dir = loaded.config.cache.l2Dir;
      if (!removes(options) || !existsSync(dir)) return done(await run(dir, options, io));
      const { lockDataDir } = await import('./lock-data-dir.js');
      const lock = await lockDataDir(loaded, `cache ${name}`, systemClock);
      try {
        done(await run(dir, options, io));
      } finally {
        await lock.release();
      }
    });
    command.addCommand(child);
    return child;
  };
  sub({ name: 'stat', description: 'what it holds', run: stat, removes: () => false });
  sub({
    name: 'verify',
    description: 'reads and checks every segment; exit code 1 when one fails',
    run: verify,
    removes: ({ remove }) => remove === true,
  }).option('--remove', 'removes what fails; it is fetched again');
  sub({ name: 'clear', description: 'removes the candles and nothing else', run: clear, removes: () => true });
  return command;
}

async function stat(dir: string, { json }: CacheOptions, { stdout }: Io): Promise<number> {
  const { summarize } = await import('../cache/maintenance.js');
  const summary = await summarize(dir);
  if (json) {
    stdout.write(`${JSON.stringify({ dir, ...summary })}\n`);
    return EXIT.done;
  }
  const timeframes = Object.entries(summary.seriesByTimeframe).map(([timeframe, count]) => `${count} × ${timeframe}`);
  const { plainTable } = await import('./plain-table.js');
  const table = plainTable(['', '']);
  table.push(['directory', dir]);
  table.push(['series', timeframes.join(', ') || 'none']);
  table.push(['segments', summary.segments]);
  table.push(['results', mebibytes(summary.resultsBytes)]);
  table.push(['in use', mebibytes(summary.liveBytes)], ['on disk', mebibytes(summary.diskBytes)]);
  table.push(['written', [summary.oldestWrite, summary.newestWrite].map(time).join(' to ')]);
  stdout.write(`${table.toString()}\n`);
  return EXIT.done;
}

async function verify(dir: string, { json, remove = false }: CacheOptions, { stdout }: Io): Promise<number> {
  const maintenance = await import('../cache/maintenance.js');
  const entries = await maintenance.verify(dir, { remove });
  const failed = entries.filter(({ outcome }) => outcome !== 'ok');
  if (json) stdout.write(`${JSON.stringify({ dir, entries })}\n`);
  else {
    for (const { key, outcome, removed } of failed) stdout.write(`${key}: ${outcome}${removed ? ', removed' : ''}\n`);
    stdout.write(`${entries.length - failed.length} of ${entries.length} segments are sound\n`);
  }
  return failed.length === 0 ? EXIT.done : EXIT.failed;
}

async function clear(dir: string, { json }: CacheOptions, { stdout }: Io): Promise<number> {
  const maintenance = await import('../cache/maintenance.js');
  const removed = await maintenance.clear(dir);
  const text = json
    ? JSON.stringify({ dir, ...removed })
    : `removed ${removed.files} files, ${mebibytes(removed.bytes)}`;
  stdout.write(`${text}\n`);
  return EXIT.done;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}

function time(at: number | null): string {
  return at === null ? 'never' : new Date(at).toISOString();
}

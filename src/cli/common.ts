import type { Command } from 'commander';
import type { ConfigSources, LoadedConfig } from '../config/load.js';
import type { Io } from './io.js';

/** The options that every command takes. */
export interface CommonOptions {
  readonly config: readonly string[];
  readonly set: readonly string[];
  readonly dataDir?: string;
  readonly logLevel?: string;
  readonly json: boolean;
  readonly color: boolean;
}

export function withCommonOptions(command: Command): Command {
  return command
    .option('--config <file>', 'configuration file, repeatable, later wins', collect, [])
    .option('--set <path=value>', 'one setting, repeatable, wins over files and environment', collect, [])
    .option('--data-dir <dir>', 'where the process keeps its files')
    .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
    .option('--json', 'machine output on stdout and nothing else there', false)
    .option('--no-color', 'plain text');
}

/** Where a command's configuration comes from; `more` are settings that its own options stand for. */
export function configSources(options: CommonOptions, io: Io, more: readonly string[] = []): ConfigSources {
  return {
    files: options.config,
    set: [...options.set, ...more],
    env: io.env,
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
  };
}

export async function configOf(options: CommonOptions, io: Io, more: readonly string[] = []): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config/load.js');
  return loadConfig(configSources(options, io, more));
}

/** `NO_COLOR` is a convention (https://no-color.org). */
export function colourAllowed(options: Pick<CommonOptions, 'color'>, io: Io): boolean {
  return options.color && !io.env['NO_COLOR'];
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

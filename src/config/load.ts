import { availableParallelism } from 'node:os';
import { readEnvironment } from './environment.js';
import { readDefaults, readFile } from './file.js';
import { readSet, readShorthands } from './options.js';
import { Problems } from './problems.js';
import { brokenRules, warningsOf } from './rules.js';
import { type Config, complete, schema } from './schema.js';
import { refuseSecrets } from './secrets.js';
import { Settings } from './settings.js';

export interface ConfigSources {
  /** Paths of YAML or JSON files; later ones win. */
  readonly files?: readonly string[];
  /** `path.to.key=value`; later ones win. */
  readonly set?: readonly string[];
  /** The variables of the process; those that do not begin with `CANDLESCAN_` are ignored. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Short for `dataDir` and `log.level`; they win over `set`. */
  readonly dataDir?: string | undefined;
  readonly logLevel?: string | undefined;
  /** Processors of the machine, of which `analyzers.workers` leaves one free. */
  readonly cores?: number;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each key's value came from: `default`, `file <path>`, `env CANDLESCAN_…`, `--set`, `--data-dir`. */
  readonly origins: ReadonlyMap<string, string>;
  /** Every key's effective value as it would be written, secrets masked. */
  readonly shown: ReadonlyMap<string, unknown>;
  readonly warnings: readonly string[];
}

/**
 * The configuration from all its sources: options over environment over files over defaults. Throws `ConfigError` with
 * one line per problem (place, key, what was found, what is allowed) and `UsageError` for a `--set` without `=`.
 */
export function loadConfig(sources: ConfigSources = {}): LoadedConfig {
  const problems = new Problems();
  const settings = readSettings(sources, problems);
  const parsed = schema.safeParse(settings.tree(), { error: () => 'another value' });
  for (const issue of parsed.error?.issues ?? []) settings.reportIssue(issue, problems);
  problems.throwIfAny();
  if (!parsed.success) throw parsed.error;

  const config: Config = complete(parsed.data, sources.cores ?? availableParallelism());
  const textOf = (key: string) => String(settings.value(key));
  for (const { key, allowed } of brokenRules(config, (key) => settings.isDefault(key), textOf)) {
    settings.report(key, [], allowed, problems);
  }
  problems.throwIfAny();
  const shown = settings.masked();
  shown.set('dataDir', config.dataDir).set('cache.l2Dir', config.cache.l2Dir);
  shown.set('analyzers.workers', config.analyzers.workers);
  return { config: deepFreeze(config), origins: settings.labels(), shown, warnings: warningsOf(config) };
}

function readSettings(sources: ConfigSources, problems: Problems): Settings {
  const { files = [], set = [], env = {} } = sources;
  const defaults = readDefaults(problems);
  const fromFiles = files.flatMap((file) => readFile(file, problems));
  const environment = readEnvironment(env, problems);
  const options = [...readSet(set, problems), ...readShorthands(sources, problems)];
  refuseSecrets([...fromFiles, ...options], problems);
  const assignments = [...defaults, ...fromFiles, ...environment.assignments, ...options];
  return new Settings(assignments, environment.sinkSecrets, problems);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

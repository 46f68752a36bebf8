import type { LoadedConfig } from '../config/load.js';
import { ConfigError } from '../domain/errors.js';
import { abortable } from '../lib/abort.js';
import type { Clock } from '../lib/clock.js';
import { budgetChecks } from './budget-checks.js';
import { configChecks, configFault } from './config-checks.js';
import {
  type Check,
  type Context,
  type Definition,
  type DoctorReport,
  type ExchangeFacts,
  skipped,
  type Verdict,
} from './contract.js';
import { directoryChecks } from './directory-checks.js';
import { exchangeChecks } from './exchange-checks.js';
import { machineChecks } from './machine-checks.js';
import { networkChecks } from './network-checks.js';
import type { Probes } from './probes.js';
import { processChecks } from './process-checks.js';

export interface DoctorOptions {
  /** The configuration, or why there is none. */
  readonly config: LoadedConfig | ConfigError;
  readonly probes: Probes;
  readonly clock: Clock;
  /** Only what is required, local and quick: what to look at before every start. */
  readonly short?: boolean;
  /** Opens a connection to every sink. */
  readonly checkSinks?: boolean;
}

/** A probe that hangs is the finding, and must not keep the others from being told. */
const DEADLINE_MS = 30_000;

const CHECKS: readonly Definition[] = [
  ...processChecks,
  ...configChecks,
  ...directoryChecks,
  ...machineChecks,
  ...networkChecks,
  ...exchangeChecks,
  ...budgetChecks,
];

/** Judges everything at once and never rejects: a check that breaks is reported as one that failed. */
export async function runDoctor(options: DoctorOptions): Promise<DoctorReport> {
  const { short = false, clock } = options;
  const wanted = CHECKS.filter((definition) => !short || definition.short === true);
  const context = contextOf(options);
  const checks = await Promise.all(
    wanted.map(async (definition) => row(definition, await judge(definition, context, options.config, clock))),
  );
  return { schema: 1, ok: checks.every(({ level, status }) => level !== 'required' || status !== 'fail'), checks };
}

/**
 * Throws a `ConfigError` when something that is required failed, a line each: where the key was set, the key, what was
 * found, what is expected, what to do.
 */
export function refuseToStart({ checks }: DoctorReport, { origins }: LoadedConfig): void {
  const failed = checks.filter(({ level, status }) => level === 'required' && status === 'fail');
  const lines = failed.map(({ key, title, found, expected, fix }) => {
    const place = key === null ? title : `${origins.get(key) ?? 'default'}: ${key}`;
    return `${place}: found ${found}, allowed ${expected ?? 'something else'}; ${fix ?? ''}`;
  });
  if (lines.length > 0) throw new ConfigError(lines.join('\n'));
}

type Machine = Pick<Context, 'probes' | 'clock'>;

function contextOf({ config, probes, clock, checkSinks = false }: DoctorOptions): Context | Machine {
  if (config instanceof ConfigError) return { probes, clock };
  let asked: Promise<ExchangeFacts> | null = null;
  const exchange = () => (asked ??= probes.exchange(config.config));
  return { config: config.config, loaded: config, probes, clock, exchange, checkSinks };
}

async function judge(
  definition: Definition,
  context: Context | Machine,
  config: LoadedConfig | ConfigError,
  clock: Clock,
): Promise<Verdict> {
  if (definition.id === 'config' && config instanceof ConfigError) return configFault(config);
  const deadline = new AbortController();
  const cancel = clock.setTimer(DEADLINE_MS, () =>
    deadline.abort(new Error(`no result within ${DEADLINE_MS / 1000} s`)),
  );
  try {
    return await abortable(judgement(definition, context), deadline.signal);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    const status = definition.level === 'required' ? 'fail' : 'warn';
    return { status, found, expected: null, fix: 'run it again; when it stays, please report it' };
  } finally {
    cancel();
  }
}

async function judgement(definition: Definition, context: Context | Machine): Promise<Verdict> {
  if (definition.needs === 'nothing') return await definition.judge(context);
  if (!('config' in context)) return skipped('the configuration is wrong');
  if (definition.needs === 'config') return await definition.judge(context);
  const facts = await context.exchange().catch(() => null);
  return facts === null ? skipped('the exchange did not answer') : await definition.judge(context, facts);
}

function row({ id, level, title, key }: Definition, verdict: Verdict): Check {
  return { id, level, title, key: key ?? null, ...verdict };
}

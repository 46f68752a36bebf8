import type { LoadedConfig } from '../config/load.js';
import { brokenRules } from '../config/rules.js';
import { ConfigError } from '../domain/errors.js';
import type { RootLogger } from '../lib/log.js';
import { Secret } from '../lib/secret.js';
import type { ReloadOutcome } from '../server/ports.js';
import type { Server } from '../server/server.js';
import type { Analyzers } from './analyzers.js';
import { accessOf, type Settings } from './settings.js';

/** Keys that take effect in a running process; everything else needs a restart. `merged` takes over the same ones. */
const LIVE_KEYS: ReadonlySet<string> = new Set([
  'log.level',
  'server.token',
  'server.allowedHosts',
  'server.allowedOrigins',
  'cycle.deadline',
  'cycle.provisional',
  'analyzers.enabled',
  'analyzers.paths',
  'analyzers.budget',
  'analyzers.workers',
]);

export interface ConfigChange {
  /** Keys whose value is another one and takes effect now. */
  readonly changed: readonly string[];
  readonly needsRestart: readonly string[];
}

/** Compares what two configurations say; values of secrets are compared too, and never shown. */
export function changeBetween(before: LoadedConfig, after: LoadedConfig): ConfigChange {
  const different = [...after.shown.keys()].filter((key) => textOf(before, key) !== textOf(after, key));
  return {
    changed: different.filter((key) => LIVE_KEYS.has(key)),
    needsRestart: different.filter((key) => !LIVE_KEYS.has(key)),
  };
}

/** What is in effect once the live keys of `read` are: all other keys stay what they are while the process runs. */
export function merged(running: LoadedConfig, read: LoadedConfig): LoadedConfig {
  const { cycle, server } = running.config;
  const { deadlineMs, provisional } = read.config.cycle;
  const { token, allowedHosts, allowedOrigins } = read.config.server;
  const ofBoth = <T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>) =>
    new Map([...before, ...[...after].filter(([key]) => LIVE_KEYS.has(key))]);
  return {
    config: {
      ...running.config,
      log: read.config.log,
      analyzers: read.config.analyzers,
      cycle: { ...cycle, deadlineMs, provisional },
      server: { ...server, token, allowedHosts, allowedOrigins },
    },
    origins: ofBoth(running.origins, read.origins),
    shown: ofBoth(running.shown, read.shown),
    warnings: read.warnings,
  };
}

function textOf({ shown, config }: LoadedConfig, key: string): string {
  if (key === 'server.token') return plainText(config.server.token);
  if (key === 'notify.sinks') return plainText(config.notify.sinks);
  return plainText(shown.get(key) ?? null);
}

/** With its secrets, for comparing only. */
function plainText(value: unknown): string {
  return JSON.stringify(value, function reveal(this: Record<string, unknown>, name, shown: unknown) {
    const held = this[name];
    return held instanceof Secret ? held.reveal() : shown;
  });
}

export interface ReloadParts {
  readonly settings: Settings;
  readonly analyzers: Pick<Analyzers, 'replace'>;
  readonly server: Pick<Server, 'reconfigure'> | null;
  readonly log: Pick<RootLogger, 'hide' | 'setLevel'>;
  /** Throws a `ConfigError`. */
  readonly readConfig: () => LoadedConfig;
}

/** To be called between cycles. A wrong configuration is refused whole, and the old one stays. */
export async function applyReload({
  settings,
  analyzers,
  server,
  log,
  readConfig,
}: ReloadParts): Promise<ReloadOutcome> {
  try {
    const read = readConfig();
    const change = changeBetween(settings.loaded, read);
    const next = merged(settings.loaded, read);
    refuseBroken(next);
    // First, because it is all that can still fail.
    if (change.changed.some((key) => key.startsWith('analyzers.'))) await analyzers.replace(next.config.analyzers);
    log.hide(next.config);
    log.setLevel(next.config.log.level);
    server?.reconfigure(accessOf(next.config));
    settings.use(next);
    return { ok: true, ...change };
  } catch (error) {
    if (error instanceof ConfigError) return { ok: false, reason: error.message };
    throw error;
  }
}

/** What was read is sound, but beside the keys that stay it need not be: no token any more, and the host still open. */
function refuseBroken({ config, origins, shown }: LoadedConfig): void {
  const isDefault = (key: string) => origins.get(key) === 'default';
  const [broken] = brokenRules(config, isDefault, (key) => String(shown.get(key)));
  if (broken === undefined) return;
  const { key, allowed } = broken;
  throw new ConfigError(
    `${key}: found ${String(shown.get(key))} until a restart, beside what was read; allowed is ${allowed}`,
  );
}

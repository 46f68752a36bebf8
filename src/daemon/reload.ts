import { LIVE_KEYS } from '../config/live.js';
import type { LoadedConfig } from '../config/load.js';
import { brokenRules } from '../config/rules.js';
import type { Config } from '../config/schema.js';
import { ConfigError } from '../domain/errors.js';
import { requestLimits } from '../foundation.js';
import type { RootLogger } from '../lib/log.js';
import type { MemoryGuard } from '../lib/memory-guard.js';
import { Secret } from '../lib/secret.js';
import type { AdjustableClient } from '../pipeline/exchange/contract.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';
import type { ReloadOutcome } from '../server/ports.js';
import type { Server } from '../server/server.js';
import type { Analyzers } from './analyzers.js';
import type { Market } from './market.js';
import { accessOf, type Settings } from './settings.js';

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
  const { exchange, cache, server } = running.config;
  const { weightShare, requestTimeoutMs } = read.config.exchange;
  const { token, allowedHosts, allowedOrigins } = read.config.server;
  const { universe, cycle, batch, analyzers, memory, log } = read.config;
  const ofBoth = <T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>) =>
    new Map([...before, ...[...after].filter(([key]) => LIVE_KEYS.has(key))]);
  return {
    config: {
      ...running.config,
      universe,
      cycle,
      batch,
      analyzers,
      memory,
      log,
      exchange: { ...exchange, weightShare, requestTimeoutMs },
      cache: { ...read.config.cache, l2Dir: cache.l2Dir },
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
  readonly governor: Pick<WeightGovernor, 'setShare'>;
  readonly client: Pick<AdjustableClient, 'reconfigure'>;
  readonly memory: Pick<MemoryGuard, 'setLimit'> | null;
  /** Null while there is none; it is opened with what is in effect. */
  readonly market: Pick<Market, 'reconfigure'> | null;
  /** Throws a `ConfigError`. */
  readonly readConfig: () => LoadedConfig;
}

/**
 * To be called between cycles. A wrong configuration is refused whole, and the old one stays. Other filters of the universe
 * take symbols away at once; those that they add come with the exchange's list, which is read in the background.
 */
export async function applyReload(parts: ReloadParts): Promise<ReloadOutcome> {
  const { settings, analyzers, readConfig } = parts;
  try {
    const read = readConfig();
    const change = changeBetween(settings.loaded, read);
    const next = merged(settings.loaded, read);
    refuseBroken(next);
    // First, because it is all that can still fail.
    if (change.changed.some((key) => key.startsWith('analyzers.'))) await analyzers.replace(next.config.analyzers);
    settings.use(next);
    putIntoEffect(next.config, parts);
    return { ok: true, ...change };
  } catch (error) {
    if (error instanceof ConfigError) return { ok: false, reason: error.message };
    throw error;
  }
}

/** Every part sees for itself what of its own is another one; what is read at each use has no part here. */
function putIntoEffect(config: Config, { server, log, governor, client, memory, market }: ReloadParts): void {
  log.hide(config);
  log.setLevel(config.log.level);
  server?.reconfigure(accessOf(config));
  governor.setShare(config.exchange.weightShare);
  client.reconfigure(requestLimits(config));
  memory?.setLimit(config.memory.limitBytes);
  market?.reconfigure(config);
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

import type { LoadedConfig } from '../config/load.js';
import { ConfigError } from '../domain/errors.js';
import type { Clock } from '../lib/clock.js';
import type { RootLogger } from '../lib/log.js';
import type { ReloadOutcome } from '../server/ports.js';
import type { Server } from '../server/server.js';
import type { Analyzers } from './analyzers.js';
import type { Settings } from './settings.js';

/** Keys that take effect in a running process; everything else needs a restart. */
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

function textOf({ shown, config }: LoadedConfig, key: string): string {
  if (key === 'server.token') return JSON.stringify(config.server.token?.reveal() ?? null);
  return JSON.stringify(shown.get(key) ?? null);
}

export interface ReloadParts {
  readonly settings: Settings;
  readonly analyzers: Pick<Analyzers, 'replace'>;
  readonly server: Pick<Server, 'reconfigure'> | null;
  readonly log: RootLogger;
  readonly clock: Clock;
  /** Throws a `ConfigError`. */
  readonly readConfig: () => LoadedConfig;
}

/** To be called between cycles. A wrong configuration is refused whole, and the old one stays. */
export async function applyReload(parts: ReloadParts): Promise<ReloadOutcome> {
  const { settings, analyzers, server, log, clock } = parts;
  try {
    const loaded = parts.readConfig();
    const change = changeBetween(settings.loaded, loaded);
    const { config } = loaded;
    // First, because it is all that can fail.
    if (change.changed.some((key) => key.startsWith('analyzers.'))) {
      await analyzers.replace({ ...config.analyzers, clock });
    }
    log.hide(config);
    log.setLevel(config.log.level);
    server?.reconfigure({ ...config.server, token: config.server.token?.reveal() ?? null });
    settings.use(loaded);
    return { ok: true, ...change };
  } catch (error) {
    if (error instanceof ConfigError) return { ok: false, reason: error.message };
    throw error;
  }
}

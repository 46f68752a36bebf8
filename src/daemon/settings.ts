import type { LoadedConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import type { ServerAccess } from '../server/server.js';

/** The configuration that is in effect; a reload puts another one in its place. */
export class Settings {
  #loaded: LoadedConfig;

  constructor(loaded: LoadedConfig) {
    this.#loaded = loaded;
  }

  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  get config(): Config {
    return this.#loaded.config;
  }

  use(loaded: LoadedConfig): void {
    this.#loaded = loaded;
  }
}

/** Who may talk to the server. */
export function accessOf({ server }: Config): ServerAccess {
  const { token, allowedHosts, allowedOrigins } = server;
  return { token: token?.reveal() ?? null, allowedHosts, allowedOrigins };
}

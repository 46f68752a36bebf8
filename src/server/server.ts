import type { AddressInfo } from 'node:net';
import { ConfigError } from '../domain/errors.js';
import type { Clock } from '../lib/clock.js';
import { createApp } from './app.js';
import { Auth } from './auth.js';
import { Connections } from './connections.js';
import { Gate, type GateRules } from './gate.js';
import { LIMITS, type ServerLimits } from './limits.js';
import { addOpenApiRoute, collectOpenApi } from './openapi.js';
import type { ServerLog, ServerPorts } from './ports.js';
import { controlRoutes } from './routes/control.js';
import { probeRoutes } from './routes/probes.js';
import { scannerRoutes } from './routes/scanner.js';
import { signalRoutes } from './routes/signals.js';
import { RowBudget } from './row-budget.js';
import { Shedding } from './shedding.js';

/** Who may talk to the server; can be changed while it runs. */
export interface ServerAccess extends GateRules {
  /** What clients must present as a bearer token; null asks for none, and keeps off what changes something. */
  readonly token: string | null;
}

export interface ServerOptions extends ServerAccess {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly ports: ServerPorts;
  readonly log: ServerLog;
  readonly clock: Clock;
  /** In place of the usual ones. */
  readonly limits?: Partial<ServerLimits>;
}

export interface Server {
  /** `http://host:port` */
  readonly url: string;
  readonly port: number;
  readonly reconfigure: (access: ServerAccess) => void;
  readonly stats: () => ServerStats;
  /** Cuts every connection and stops listening. May be called again. */
  readonly close: () => Promise<void>;
}

/** Totals since the start, `connections` those open now. */
export type ServerStats = ReturnType<Gate['stats']> &
  ReturnType<Auth['stats']> &
  ReturnType<Connections['stats']> &
  ReturnType<RowBudget['stats']> &
  ReturnType<Shedding['stats']>;

/** Starts the HTTP server. Rejects with a `ConfigError` when it cannot listen on that host and port. */
export async function openServer(options: ServerOptions): Promise<Server> {
  const { host, port, ports, log, clock } = options;
  const gate = new Gate(options);
  const auth = new Auth(options.token, clock, log);
  const limits = { ...LIMITS, ...options.limits };
  const rows = new RowBudget(limits.rowsPerSecond, clock);
  const connections = new Connections(limits);
  const shedding = new Shedding(() => ports.memoryPressure());
  const app = createApp({ gate, auth, shedding, connections, limits, log });
  await collectOpenApi(app, ports.version);
  const context = { app, ports, clock, rows, connections };
  for (const addRoutes of [probeRoutes, scannerRoutes, signalRoutes, controlRoutes]) addRoutes(context);
  addOpenApiRoute(app);
  await app.listen({ host, port }).catch(async (error: NodeJS.ErrnoException) => {
    await app.close();
    throw listenError(error, host, port);
  });
  const address = app.server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
  log.info({ url }, 'listening for HTTP');
  let closed: Promise<void> | null = null;
  const close = async () => {
    const closing = app.close();
    connections.close();
    await closing;
  };
  return {
    url,
    port: address.port,
    reconfigure: (access) => {
      gate.use(access);
      auth.use(access.token);
    },
    stats: () => ({
      ...gate.stats(),
      ...auth.stats(),
      ...connections.stats(),
      ...rows.stats(),
      ...shedding.stats(),
    }),
    close: () => (closed ??= close()),
  };
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const found: Readonly<Record<string, string>> = {
    EADDRINUSE: `server.port: found ${port}, which another program listens on; allowed is a free port of ${host}, or 0`,
    EACCES: `server.port: found ${port}, which needs more rights; allowed are ports from 1024 on`,
    EADDRNOTAVAIL: `server.host: found ${host}, allowed is an address of this machine`,
    ENOTFOUND: `server.host: found ${host}, which has no address; allowed is an address of this machine`,
    EAI_AGAIN: `server.host: found ${host}, which cannot be looked up; allowed is an address of this machine`,
  };
  const message = found[error.code ?? ''];
  return message === undefined ? error : new ConfigError(message, { cause: error });
}

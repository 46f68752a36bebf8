import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UsageError } from '../domain/errors.js';
import type { Clock } from '../lib/clock.js';
import type { Random } from '../lib/random.js';
import { type ControlOptions, handleControl } from './control.js';
import { Faults } from './faults/faults.js';
import type { FaultRuleInput } from './faults/rule.js';
import type { Market } from './market/market.js';
import { RestHandler } from './rest/handler.js';
import { WeightLedger } from './rest/weight.js';
import { type SimStats, StatsRecorder } from './stats.js';
import { ListedMarket } from './stream/listed-market.js';
import { createStreamServer, type StreamServer, type StreamServerOptions } from './stream/server.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;
/** As long as the exchange's edge keeps idle connections. */
const KEEP_ALIVE_MS = 60_000;

export interface SimOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** A loopback address: the control endpoints have no password. */
  readonly host?: string;
  readonly market: Market;
  readonly clock: Clock;
  readonly random: Random;
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  /** Weight per UTC minute and address, 2400 by default. */
  readonly weightLimit?: number;
  /** Sends `Retry-After` with 429 and 418; off by default, because futures do not promise it. */
  readonly retryAfter?: boolean;
  /** Bans who goes on after 429; on by default. */
  readonly bans?: boolean;
  readonly faults?: readonly FaultRuleInput[];
  readonly stream?: Pick<StreamServerOptions, 'limits' | 'pacing' | 'faults'>;
}

export interface Sim {
  readonly restUrl: string;
  readonly streamUrl: string;
  readonly faults: Faults;
  readonly stream: StreamServer;
  /** Changes how a symbol is listed, null to take it off, and announces it on the stream. */
  setStatus(symbol: string, status: string | null): void;
  stats(): SimStats;
  /** Closes every connection. May be called again. */
  stop(): Promise<void>;
}

/** Starts the embedded exchange. Rejects when the port is taken, and with a `UsageError` for a host that is not loopback. */
export async function startSim(options: SimOptions): Promise<Sim> {
  const { host = '127.0.0.1', clock, random, weightLimit = 2_400 } = options;
  if (!LOOPBACK.test(host)) throw new UsageError(`sim host: found ${host}, allowed are loopback addresses`);
  const market = new ListedMarket(options.market);
  const stats = new StatsRecorder();
  const faults = new Faults(random);
  if (options.faults !== undefined) faults.add(options.faults);
  const rest = new RestHandler({
    market,
    clock,
    random,
    faults,
    stats,
    weightLimit,
    ledger: new WeightLedger({ limit: weightLimit, bans: options.bans ?? true }),
    retryAfter: options.retryAfter ?? false,
    latencyMs: options.latencyMs ?? 0,
    jitterMs: options.jitterMs ?? 0,
  });
  const stream = createStreamServer({ market, clock, random, ...options.stream });
  const setStatus = (symbol: string, status: string | null) => {
    if (status === null) market.unlist(symbol);
    else stream.announce(market.setStatus(symbol, status));
  };
  const server = createServer({ keepAlive: true, noDelay: true }, (request, response) =>
    route(request, response, rest, { faults, stream, setStatus, stats }),
  );
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on('upgrade', (request, socket, head) => stream.handleUpgrade(request, socket, head));
  await listen(server, options.port ?? 0, host);
  const authority = `${host === '::1' ? '[::1]' : host}:${(server.address() as AddressInfo).port}`;
  let stopped: Promise<void> | null = null;
  return {
    restUrl: `http://${authority}`,
    streamUrl: `ws://${authority}`,
    faults,
    stream,
    setStatus,
    stats: () => stats.snapshot(),
    stop: () => (stopped ??= close(server, stream)),
  };
}

function route(request: IncomingMessage, response: ServerResponse, rest: RestHandler, control: ControlOptions): void {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const search = mark < 0 ? '' : url.slice(mark + 1);
  if (!path.startsWith('/sim/')) {
    rest.handle(request, response, path, search);
    return;
  }
  handleControl(control, request, response, path, search).catch(() => response.destroy());
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function close(server: Server, stream: StreamServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  // An upgraded connection is no longer the HTTP server's to close.
  await stream.stop();
  await closed;
}

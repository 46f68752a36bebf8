import { connect, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import type { CandleItem, CycleItem, ServerPorts, SignalItem } from '../../src/server/ports.js';
import { openServer, type Server, type ServerOptions } from '../../src/server/server.js';

/** Any instant on the grid. */
const CLOSE_TIME = Date.UTC(2026, 0, 1, 0, 15);

export function signalItem(index: number): SignalItem {
  return {
    id: index.toString(16).padStart(32, '0'),
    symbol: 'BTCUSDT',
    timeframe: '15m',
    analyzer: 'trend',
    version: '1.0.0',
    direction: index % 2 === 0 ? 'long' : 'short',
    strength: 0.73,
    status: 'confirmed',
    price: '87234.1',
    candleCloseTime: new Date(CLOSE_TIME - index * 900_000).toISOString(),
    reasons: ['EMA 12 above EMA 26 for 9 candles, and the distance grows', 'ADX 31: the trend is strong'],
    inputDigest: '0123456789abcdef0123456789abcdef',
  };
}

export function candleItem(index: number): CandleItem {
  const openTime = CLOSE_TIME + index * 300_000;
  return { openTime, open: 0.0000123, high: 0.000013, low: 1.2e-7, close: 0.0000125, volume: 123456.7, source: 'rest' };
}

export const CYCLE: CycleItem = {
  slot: '2026-01-01T00:15:00.000Z',
  startedAt: '2026-01-01T00:15:02.500Z',
  durationMs: 812.5,
  outcome: 'complete',
  symbols: { total: 2, analyzed: 2, skipped: 0 },
};

/** A symbol that few programs can spell. */
export const CHINESE = '币安人生USDT';

const SYMBOLS = [CHINESE, 'BTCUSDT'];

/** Ports over a market of two symbols. */
function testPorts(): ServerPorts {
  return {
    version: '1.2.3',
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'candlescan_symbols 2\n' }),
    unready: () => [],
    degraded: () => [],
    memoryPressure: () => 0,
    status: () => ({
      version: '1.2.3',
      exchange: 'sim',
      startedAt: '2026-01-01T00:00:00.000Z',
      timeframes: ['5m', '15m'],
      ready: true,
      lastCycle: CYCLE,
      memory: { level: 0, limitBytes: 2 ** 30, rssBytes: 2 ** 28 },
    }),
    cycles: (limit) => [CYCLE, CYCLE].slice(0, limit),
    signals: ({ limit }) => ({ items: [0, 1, 2].slice(0, limit).map(signalItem), nextCursor: null }),
    signal: (id) => (id === signalItem(1).id ? signalItem(1) : null),
    symbols: () => SYMBOLS.map((symbol) => ({ symbol })),
    analyzers: () => [
      {
        name: 'trend',
        version: '1.0.0',
        description: 'Follows the trend',
        parameters: { fast: 12 },
        warmup: 35,
        dependsOn: [],
        origin: 'builtin',
      },
    ],
    candles: (symbol, timeframe, limit) =>
      SYMBOLS.includes(symbol) && timeframe === '5m' ? [0, 1].slice(-limit).map(candleItem) : null,
    reload: async () => ({ ok: true, changed: ['log.level'], needsRestart: ['server.port'] }),
  };
}

/** A log that remembers its lines. */
function testLog() {
  const lines: string[] = [];
  const write = (fields: object, message: string) => {
    const { err, ...rest } = fields as { err?: Error };
    lines.push(JSON.stringify({ ...rest, ...(err && { err: `${err.stack}` }), message }));
  };
  return { lines, info: write, warn: write, error: write };
}

type Headers = Readonly<Record<string, string>>;

export interface TestServer extends Server {
  readonly logLines: readonly string[];
  /** A request with the Host that a plain client sends, unless `headers` have another. */
  readonly send: (method: string, target: string, headers?: Headers, body?: string) => Promise<Reply>;
  readonly get: (target: string, headers?: Headers) => Promise<Reply>;
  /** These bytes; the reply is what the server sent until it ended the connection. */
  readonly raw: (request: string | Buffer) => Promise<Reply>;
}

export type TestServerOptions = Partial<Omit<ServerOptions, 'ports' | 'log'>> & {
  readonly clock?: Clock;
  readonly ports?: Partial<ServerPorts>;
};

export const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

export async function openTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const log = testLog();
  const server = await openServer({
    host: '127.0.0.1',
    port: 0,
    token: null,
    allowedHosts: LOOPBACK_NAMES,
    allowedOrigins: LOOPBACK_NAMES,
    clock: systemClock,
    ...options,
    log,
    ports: { ...testPorts(), ...options.ports },
  });
  const { port } = server;
  const raw = (request: string | Buffer) => exchange({ host: options.host ?? '127.0.0.1', port }, request);
  const send: TestServer['send'] = (method, target, headers = {}, body = '') =>
    raw(requestText(method, target, { Host: `127.0.0.1:${port}`, ...headers }, body));
  return { ...server, logLines: log.lines, raw, send, get: (target, headers) => send('GET', target, headers) };
}

/** A request as it goes over the wire, which asks for the connection to end with it. */
export function requestText(method: string, target: string, headers: Headers, body = ''): string {
  const length = body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const lines = Object.entries({ Connection: 'close', ...length, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

export interface Reply {
  /** 0 when the connection ended without a reply. */
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  json(): Readonly<Record<string, unknown>>;
}

function exchange(to: { readonly host: string; readonly port: number }, request: string | Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const socket = connect(to);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that refuses what is still being sent resets the connection behind its reply.
    socket.on('error', (error) => (chunks.length > 0 ? undefined : reject(error)));
    socket.on('close', () => resolve(parseReply(Buffer.concat(chunks).toString())));
    socket.write(request);
  });
}

function parseReply(bytes: string): Reply {
  const text = bytes.replace(/^(HTTP\/1\.1 1\d\d [^\r]*\r\n\r\n)+/, '');
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, Math.max(0, end)).split('\r\n');
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = text.slice(end + 4);
  return {
    status: Number(statusLine.split(' ')[1] ?? 0),
    headers,
    body,
    json: () => JSON.parse(body) as Readonly<Record<string, unknown>>,
  };
}

export interface OpenSocket {
  readonly socket: Socket;
  /** Settles when the connection has ended, with everything that was read. */
  readonly closed: Promise<string>;
}

/** A connection that is established and has sent nothing. */
export async function openSocket(port: number, localAddress = '127.0.0.1'): Promise<OpenSocket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  let read = '';
  socket.on('data', (chunk: Buffer) => {
    read += chunk.toString();
  });
  socket.on('error', () => {});
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(read)));
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), closed]);
  return { socket, closed };
}

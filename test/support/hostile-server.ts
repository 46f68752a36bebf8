import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

export interface HostileRequest {
  readonly path: string;
  /** From 0, over all sockets. */
  readonly index: number;
  readonly socket: Socket;
  /** Requests that this socket has carried, this one included. */
  readonly onSocket: number;
}

export interface HostileServer {
  readonly url: string;
  readonly requests: HostileRequest[];
  /** Sockets open now. */
  readonly openSockets: number;
  /** Answers from now on. */
  answer(script: (request: HostileRequest) => void): void;
  /** Reads nothing from sockets that come from now on. */
  pause(): void;
  close(): Promise<void>;
}

/** A server on 127.0.0.1 that speaks raw bytes, so that it can break HTTP in every way. */
export async function startHostileServer(script: (request: HostileRequest) => void): Promise<HostileServer> {
  const requests: HostileRequest[] = [];
  const sockets = new Set<Socket>();
  let current = script;
  let paused = false;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let onSocket = 0;
    let head = '';
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    if (paused) return;
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
        const path = head.split(' ', 2)[1] ?? '';
        head = head.slice(end + 4);
        onSocket += 1;
        const request = { path, index: requests.length, socket, onSocket };
        requests.push(request);
        current(request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get openSockets() {
      return sockets.size;
    },
    answer: (next) => {
      current = next;
    },
    pause: () => {
      paused = true;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export interface ReplyParts {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A well-formed reply as bytes; `headers` win over the length that is put in. */
export function httpReply({ status = 200, headers = {}, body = '' }: ReplyParts): Buffer {
  const bytes = Buffer.from(body);
  const fields = { 'content-type': 'application/json', 'content-length': String(bytes.length), ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Scripted\r\n${lines.join('')}\r\n`), bytes]);
}

/** A script that gives every request these bytes. */
export const send = (bytes: Buffer | string) => (request: HostileRequest) => void request.socket.write(bytes);
export const fail = (status: number, body = '', headers = {}) => send(httpReply({ status, body, headers }));

/** Rows as the exchange sends them: `count` closed candles from `firstOpenTime` on. */
export function klineRows(count: number, firstOpenTime = Date.UTC(2026, 0, 1), stepMs = 300_000): unknown[][] {
  return Array.from({ length: count }, (_, index) => {
    const openTime = firstOpenTime + index * stepMs;
    const close = (83_000 + index * 1.25).toFixed(2);
    return [
      openTime,
      '83000.10',
      '84500.00',
      '82000.50',
      close,
      '102.437',
      openTime + stepMs - 1,
      '8514292.61220',
      4409,
      '49.832',
      '4141805.93340',
      '0',
    ];
  });
}

/** Rows that a client makes of `klinesReply()`. */
export const goodRows = 3;

export function klinesReply(count = goodRows, headers: Readonly<Record<string, string>> = {}): Buffer {
  const body = gzipSync(JSON.stringify(klineRows(count)));
  return httpReply({ headers: { 'content-encoding': 'gzip', ...headers }, body });
}

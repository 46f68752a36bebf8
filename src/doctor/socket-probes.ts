import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../lib/clock.js';

const CONNECT_MS = 5_000;

/** Binds the address and lets it go again. Resolves to the error's code, or null when it is free. */
export function tryBind(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(codeOf(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Opens a connection, with TLS where the address says https, and sends nothing. Resolves to the error's code, or null. */
export function tryConnect(url: URL, clock: Clock): Promise<string | null> {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return new Promise((resolve) => {
    const settle = (code: string | null) => {
      cancel();
      socket.destroy();
      resolve(code);
    };
    const cancel = clock.setTimer(CONNECT_MS, () => settle('ETIMEDOUT'));
    const socket: Socket = secure ? connectTls({ host, port }) : connect({ host, port });
    socket.once(secure ? 'secureConnect' : 'connect', () => settle(null));
    socket.on('error', (error) => settle(codeOf(error)));
  });
}

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../lib/clock.js';
import type { HandshakeAction } from './rule.js';

/** Sends the head and body of a refusal and ends the connection. */
export function refuse(
  socket: Duplex,
  status: number,
  body = STATUS_CODES[status] ?? '',
  headers: Readonly<Record<string, string>> = {},
): void {
  const lines = {
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${head.join('')}\r\n${body}`);
}

/** Head lines of an upgrade, as the rule would have them. */
export function alterHead(lines: string[], action: HandshakeAction | undefined): void {
  if (action?.type === 'hugeHeaders') lines.push(`X-Filler: ${'x'.repeat(action.bytes)}`);
  if (action?.type !== 'badAccept') return;
  const at = lines.findIndex((line) => line.startsWith('Sec-WebSocket-Accept:'));
  lines[at] = `Sec-WebSocket-Accept: ${Buffer.alloc(20).toString('base64')}`;
}

/** A head that goes on for ever, a byte every so often, until the client has had enough. */
export function drip(socket: Duplex, clock: Clock, everyMs: number): void {
  const start = 'HTTP/1.1 101 Switching Protocols\r\nX-Filler: ';
  let sent = 0;
  let cancel = () => {};
  const next = () => {
    socket.write(start[sent] ?? 'x');
    sent += 1;
    cancel = clock.setTimer(everyMs, next);
  };
  socket.once('close', () => cancel());
  next();
}

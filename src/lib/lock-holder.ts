import { connect, createServer, type Server } from 'node:net';
import * as z from 'zod/mini';
import type { Clock } from './clock.js';

/** Who holds a lock, as it says itself. */
export interface LockHolder {
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly version: string;
  /** What it runs: `run`, `scan`. */
  readonly command: string;
}

/** `dead`: nobody listens. `silent`: somebody does and says nothing useful, for instance because it was stopped. */
export type Answer = LockHolder | 'dead' | 'silent';

/** The holder may be stopped (SIGSTOP), and whoever asks wants to start or to give up soon. */
const ANSWER_MS = 400;
const MOST_CHARS = 1_024;
const MOST_CONNECTIONS = 16;

/** Any local user can take a lock's name and answer, so the answer goes to a terminal only when it is printable. */
const printable = z.string().check(z.regex(/^[\x20-\x7e]{1,80}$/));
const holderSchema = z.object({
  pid: z.int().check(z.gte(1)),
  startedAt: z.iso.datetime(),
  version: printable,
  command: printable,
});

/** A server, not listening yet, that tells everyone who connects one JSON line and hears nobody. It keeps no process alive. */
export function holderServer(self: LockHolder): Server {
  const line = `${JSON.stringify(holderSchema.parse(self))}\n`;
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(line, () => socket.destroy());
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server.unref();
}

/** Asks who listens at the address; never rejects. */
export function askHolder(address: string, clock: Clock): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(address);
    let text = '';
    const settle = (answer: Answer) => {
      cancel();
      socket.destroy();
      resolve(answer);
    };
    const cancel = clock.setTimer(ANSWER_MS, () => settle('silent'));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n') || text.length > MOST_CHARS) settle(parseHolder(text));
    });
    socket.on('end', () => settle(parseHolder(text)));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      // A full queue of connections (EAGAIN) belongs to somebody who lives and does not answer.
      settle(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'dead' : 'silent');
    });
  });
}

function parseHolder(text: string): LockHolder | 'silent' {
  try {
    const parsed = holderSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : 'silent';
  } catch {
    return 'silent';
  }
}

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../lib/clock.js';
import { ConnectAttempts } from './connect-attempts.js';
import { alterHead, drip, refuse } from './faults/handshake.js';
import type { HandshakeAction } from './faults/rule.js';
import type { StreamFaults } from './faults/stream-faults.js';
import { parseRoute, type Route } from './route.js';
import type { StreamStatsRecorder } from './stats.js';

/** More than any client has to say; `ws` closes with 1009 beyond it. */
const LARGEST_MESSAGE_BYTES = 2 ** 20;

/** A connection whose handshake is done. */
export interface Opened {
  readonly ws: WebSocket;
  readonly socket: Duplex;
  readonly path: string;
  readonly route: Route;
}

export interface HandshakesOptions {
  readonly clock: Clock;
  readonly faults: StreamFaults;
  readonly stats: StreamStatsRecorder;
  /** Of one address in five minutes; null for any number. */
  readonly connectAttempts: number | null;
  readonly onOpened: (opened: Opened) => void;
}

/** Lets connections in, or does not; knows every socket from its handshake to its end. */
export class Handshakes {
  readonly #options: HandshakesOptions;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LARGEST_MESSAGE_BYTES,
  });
  readonly #attempts: ConnectAttempts;
  readonly #sockets = new Set<Duplex>();
  readonly #alteredHeads = new WeakMap<IncomingMessage, HandshakeAction>();
  #stopped = false;

  constructor(options: HandshakesOptions) {
    this.#options = options;
    this.#attempts = new ConnectAttempts(options.clock, options.connectAttempts);
    this.#webSockets.on('headers', (lines, request) => alterHead(lines, this.#alteredHeads.get(request)));
  }

  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { faults, stats } = this.#options;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // A handshake that the client breaks off is no error of ours.
    socket.on('error', () => {});
    if (this.#stopped) {
      socket.destroy();
      return;
    }
    const action = faults.handshake();
    if (action === null) return this.#accept(request, socket, head);
    stats.countRefused('fault');
    this.#misbehave(action, request, socket, head);
  }

  /** Ends every connection, also those that are open; resolves when all are gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const gone = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(gone);
    this.#webSockets.close();
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { stats, onOpened } = this.#options;
    const path = request.url ?? '/';
    const route = parseRoute(path);
    const isAllowed = this.#attempts.take(request.socket.remoteAddress ?? '');
    if (route === null || !isAllowed) {
      const status = isAllowed ? 404 : 429;
      stats.countRefused(String(status));
      refuse(socket, status);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (ws) => onOpened({ ws, socket, path, route }));
  }

  #misbehave(action: HandshakeAction, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { clock } = this.#options;
    switch (action.type) {
      case 'blackHole':
        return abandon(socket);
      case 'drip':
        abandon(socket);
        return drip(socket, clock, action.everyMs);
      case 'slow': {
        const cancel = clock.setTimer(action.delayMs, () => this.#accept(request, socket, head));
        socket.once('close', cancel);
        return;
      }
      case 'refuse':
        request.socket.resetAndDestroy();
        return;
      case 'status':
        return refuse(socket, action.status, action.body, action.headers);
      case 'badAccept':
      case 'hugeHeaders':
        this.#alteredHeads.set(request, action);
        this.#accept(request, socket, head);
    }
  }
}

/** Lets the client go away unanswered: a socket that nobody reads would not notice. */
function abandon(socket: Duplex): void {
  socket.resume();
  socket.once('end', () => socket.destroy());
}

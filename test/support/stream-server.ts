import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { type ControlFrame, controlFrame, type KlineFields, klineFrame } from './stream-frames.js';

const LONGEST_FRAME_BYTES = 4_096;

/** The exchange's end of one real connection, with its rules about control frames. */
export class ServerPeer {
  readonly path: string;
  readonly socket: WebSocket;
  readonly control: ControlFrame[] = [];
  readonly streams = new Set<string>();
  /** Close code and text as the client sent them. */
  closed: { code: number; text: string } | null = null;
  pongs = 0;

  constructor(socket: WebSocket, path: string) {
    this.socket = socket;
    this.path = path;
    socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    socket.on('pong', () => {
      this.pongs += 1;
    });
    socket.on('close', (code, text) => {
      this.closed = { code, text: text.toString() };
    });
    socket.on('error', () => {});
  }

  kline(fields: KlineFields): void {
    this.socket.send(klineFrame(fields));
  }

  #received(data: RawData, isBinary: boolean): void {
    const text = (data as Buffer).toString();
    if (isBinary) return this.socket.close(1008, 'Invalid request');
    if (Buffer.byteLength(text) > LONGEST_FRAME_BYTES) return;
    const frame = controlFrame(text);
    this.control.push(frame);
    for (const name of frame.params) {
      if (frame.method === 'SUBSCRIBE') this.streams.add(name);
      else this.streams.delete(name);
    }
    this.socket.send(JSON.stringify({ result: null, id: frame.id }));
  }
}

/** A WebSocket server on 127.0.0.1 whose data the test sends. */
export class StreamServer {
  readonly #server: WebSocketServer;
  readonly peers: ServerPeer[] = [];

  constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => this.peers.push(new ServerPeer(socket, request.url ?? '')));
  }

  static async start(): Promise<StreamServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return new StreamServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.peers) socket.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Lets the event loop turn until the condition holds; a test that waits for ever fails by its own timeout. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

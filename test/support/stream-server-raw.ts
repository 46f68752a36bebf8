import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** RFC 6455 section 1.3. */
const ACCEPT_SALT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export interface FrameShape {
  readonly opcode?: number;
  readonly final?: boolean;
  readonly reservedBits?: number;
  readonly masked?: boolean;
  /** What the header says, when it lies about the payload. */
  readonly length?: number;
}

/** One WebSocket frame as bytes (RFC 6455 section 5.2), right or wrong as asked. */
export function frameBytes(payload: Buffer | string, shape: FrameShape = {}): Buffer {
  const { opcode = 1, final = true, reservedBits = 0, masked = false } = shape;
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const length = shape.length ?? body.length;
  const mask = masked ? 0x80 : 0;
  const first = (final ? 0x80 : 0) | (reservedBits << 4) | opcode;
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const short = extended.length === 0 ? length : extended.length === 2 ? 126 : 127;
  return Buffer.concat([Buffer.from([first, mask | short]), extended, Buffer.alloc(masked ? 4 : 0), body]);
}

/** A TCP server that answers the upgrade as told and then says whatever bytes it is given. */
export class RawServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** `answer`: the bytes that follow the request of the upgrade; null keeps silent. */
  static async start(answer: ((request: string) => string | null) | null, then?: (socket: Socket) => void) {
    const server = createServer((socket) => {
      let request = '';
      const onData = (chunk: Buffer) => {
        request += chunk.toString('latin1');
        if (!request.includes('\r\n\r\n')) return;
        socket.off('data', onData);
        socket.resume();
        const reply = answer?.(request) ?? null;
        if (reply !== null) socket.write(reply);
        then?.(socket);
      };
      socket.on('data', onData);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RawServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/market/stream`;
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** The right answer to an upgrade. */
export function upgrade(request: string, accept = acceptOf(request)): string {
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  return [...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n');
}

function acceptOf(request: string): string {
  const key = /sec-websocket-key: (.*)\r\n/i.exec(request)?.[1] ?? '';
  return createHash('sha1').update(`${key}${ACCEPT_SALT}`).digest('base64');
}

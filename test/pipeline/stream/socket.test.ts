import type { Socket as TcpSocket } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { afterPoll, Connection } from '../../../src/pipeline/stream/connection.js';
import type { Loss } from '../../../src/pipeline/stream/contract.js';
import { openWebSocket } from '../../../src/pipeline/stream/socket.js';
import { FakeClock } from '../../support/fake-clock.js';
import { until } from '../../support/stream-server.js';
import { frameBytes, RawServer, upgrade } from '../../support/stream-server-raw.js';

let server: RawServer;

afterEach(async () => {
  await until(() => server.open === 0);
  await server.stop();
});

/** Opens one socket and resolves with what came before it closed, and why it did. */
function collect(): Promise<{ messages: string[]; loss: Loss }> {
  return new Promise((resolve) => {
    const messages: string[] = [];
    openWebSocket(server.url, {
      opened: () => {},
      message: (text) => messages.push(text),
      binary: () => messages.push('<binary>'),
      closed: (loss) => resolve({ messages, loss }),
    });
  });
}

const status = (line: string, ...headers: string[]) => [`HTTP/1.1 ${line}`, ...headers, '', ''].join('\r\n');
const afterUpgrade = (then: (socket: TcpSocket) => void) => RawServer.start(upgrade, then);

describe('openWebSocket: handshakes', () => {
  it.each([
    ['404', status('404 Not Found', 'Content-Length: 0'), 'Unexpected server response: 404'],
    ['429', status('429 Too Many Requests', 'Content-Length: 0'), 'Unexpected server response: 429'],
    ['503', status('503 Service Unavailable', 'Content-Length: 0'), 'Unexpected server response: 503'],
    ['a redirect', status('301 Moved', 'Location: http://127.0.0.1:1/', 'Content-Length: 0'), 'response: 301'],
    ['no HTTP at all', 'hello there\r\n\r\n', 'Parse Error'],
    [
      'headers without end',
      `HTTP/1.1 101 Switching Protocols\r\nX-Long: ${'x'.repeat(1 << 20)}\r\n\r\n`,
      'Header overflow',
    ],
  ])('W5: gives up on %s', async (_, answer, detail) => {
    server = await RawServer.start(() => answer);
    const { loss } = await collect();
    expect(loss.reason).toBe('handshake');
    expect(loss.detail).toContain(detail);
  });

  it('W5: gives up on a wrong Sec-WebSocket-Accept', async () => {
    server = await RawServer.start((request) => upgrade(request, 'wrong'));
    expect((await collect()).loss).toEqual({ reason: 'handshake', detail: 'Invalid Sec-WebSocket-Accept header' });
  });

  it('W5: calls a refused connection a fault of the network', async () => {
    server = await RawServer.start(null);
    const { url } = server;
    await server.stop();
    server = await RawServer.start(null);
    const loss = await new Promise<Loss>((resolve) => {
      openWebSocket(url, { opened: () => {}, message: () => {}, binary: () => {}, closed: resolve });
    });
    expect(loss.reason).toBe('network');
    expect(loss.detail).toContain('ECONNREFUSED');
  });

  it('W5: ends a black hole after 5 s of our clock, and its socket is gone', async () => {
    server = await RawServer.start(() => null);
    const clock = new FakeClock();
    const losses: Loss[] = [];
    const connection = new Connection({
      url: server.url,
      clock,
      connect: openWebSocket,
      nextTurn: afterPoll,
      onMessage: () => {},
      onBinary: () => {},
      onClosed: (loss) => losses.push(loss),
      onDeferred: () => {},
      nextFrame: () => null,
      expectedStreams: () => 1,
    });
    await until(() => server.open === 1);
    await clock.advance(5_000);
    await connection.closed;
    expect(losses).toMatchObject([{ reason: 'handshake' }]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('openWebSocket: hostile bytes', () => {
  const good = frameBytes('{"ok":true}');

  it.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n')],
    ['invalid UTF-8', frameBytes(Buffer.from([0xff, 0xfe, 0xfd]))],
    ['a reserved bit', frameBytes('x', { reservedBits: 2 })],
    ['an unknown opcode', frameBytes('x', { opcode: 3 })],
    ['a masked frame', frameBytes('x', { masked: true })],
    ['a continuation of nothing', frameBytes('x', { opcode: 0 })],
    ['a control frame in pieces', frameBytes('x', { opcode: 9, final: false })],
  ])('W6: drops a connection that sends %s, after the messages before it', async (_, bytes) => {
    server = await afterUpgrade((socket) => socket.write(Buffer.concat([good, bytes])));
    const { messages, loss } = await collect();
    expect(messages).toEqual(['{"ok":true}']);
    expect(loss.reason).toBe('protocol');
  });

  it('W6: waits for no answer of a peer that sent garbage and reads nothing', async () => {
    server = await afterUpgrade((socket) => {
      socket.pause();
      socket.write(frameBytes('x', { opcode: 3 }));
    });
    expect((await collect()).loss.reason).toBe('protocol');
    await server.stop();
    server = await RawServer.start(null);
  }, 15_000);

  it('W9: leaves everything else its turn, however much there is to read', async () => {
    const frame = frameBytes(JSON.stringify({ padding: 'x'.repeat(400) }));
    const sent = 20_000;
    server = await afterUpgrade((socket) => socket.end(Buffer.concat(Array<Buffer>(sent).fill(frame))));
    let [received, inTurn, most] = [0, 0, 0];
    let immediate: NodeJS.Immediate | null = null;
    const turn = () => {
      inTurn = 0;
      immediate = setImmediate(turn);
    };
    turn();
    await new Promise((closed) => {
      const message = () => {
        received += 1;
        inTurn += 1;
        most = Math.max(most, inTurn);
      };
      openWebSocket(server.url, { opened: () => {}, message, binary: () => {}, closed });
    });
    clearImmediate(immediate ?? undefined);
    expect(received).toBe(sent);
    // What was read already is taken to its end, 64 KiB or so, which hold 150 of these; unbridled it is 5,000.
    expect(most).toBeLessThanOrEqual(1_000);
  });

  it('W7: refuses a message of 50 MB when it reads its header', async () => {
    server = await afterUpgrade((socket) => socket.write(frameBytes('x', { length: 50_000_000 })));
    const { loss } = await collect();
    expect(loss.reason).toBe('protocol');
    expect(loss.detail).toContain('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
  });

  it('W7: inflates nothing, because it never agrees to compression', async () => {
    const bomb = deflateRawSync(Buffer.alloc(900_000));
    let offer = '';
    server = await RawServer.start(
      (request) => {
        offer = request;
        return upgrade(request);
      },
      (socket) => socket.write(frameBytes(bomb, { reservedBits: 4 })),
    );
    const { messages, loss } = await collect();
    expect(offer).toContain('Sec-WebSocket-Key');
    expect(offer).not.toContain('Sec-WebSocket-Extensions');
    expect(messages).toEqual([]);
    expect(loss).toMatchObject({ reason: 'protocol' });
    expect(loss.detail).toContain('RSV1');
  });

  it.each([
    ['empty', ''],
    ['one-byte', 'x'],
  ])('W7: cuts a message of endless %s fragments', async (_, payload) => {
    const fragment = frameBytes(payload, { opcode: 0, final: false });
    const many = Buffer.concat([frameBytes(payload, { final: false }), ...Array<Buffer>(20_000).fill(fragment)]);
    server = await afterUpgrade((socket) => socket.write(many));
    const { loss } = await collect();
    expect(loss.detail).toContain('WS_ERR_TOO_MANY_BUFFERED_PARTS');
  });

  it('W7: reads a message that comes byte by byte', async () => {
    server = await afterUpgrade((socket) => {
      socket.setNoDelay(true);
      const bytes = frameBytes('{"slow":true}');
      const next = (at: number) => {
        if (at === bytes.length) socket.end();
        else socket.write(bytes.subarray(at, at + 1), () => setImmediate(next, at + 1));
      };
      next(0);
    });
    const { messages, loss } = await collect();
    expect(messages).toEqual(['{"slow":true}']);
    expect(loss.reason).toBe('network');
  });

  it('tells binary messages apart', async () => {
    server = await afterUpgrade((socket) => socket.end(frameBytes('{}', { opcode: 2 })));
    expect((await collect()).messages).toEqual(['<binary>']);
  });
});

import { createConnection, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamFaultInput } from '../../../../src/sim/stream/faults/rule.js';
import { settled } from '../../../support/fake-clock.js';
import { StreamClient, type StreamRig, startRig, until } from '../../../support/sim-stream.js';

type HandshakeRule = Omit<Extract<StreamFaultInput, { on: 'handshake' }>, 'on' | 'target'>;

let rig: StreamRig;
const sockets: Socket[] = [];
beforeEach(async () => {
  rig = await startRig();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await rig.stop();
});

function add(rule: HandshakeRule): void {
  rig.sim.stream.faults.add({ target: 'stream', on: 'handshake', ...rule });
}

interface RawHandshake {
  readonly socket: Socket;
  received: string;
  ended: boolean;
}

/** A handshake as bytes. */
async function shake(): Promise<RawHandshake> {
  const { hostname, port } = new URL(rig.sim.streamUrl);
  const socket = createConnection(Number(port), hostname);
  sockets.push(socket);
  const raw: RawHandshake = { socket, received: '', ended: false };
  socket.on('data', (chunk) => {
    raw.received += chunk.toString();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    raw.ended = true;
  });
  const before = refused();
  socket.write(
    'GET /market/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await until(() => refused() > before);
  return raw;
}

function refused(): number {
  return rig.sim.stream.stats().refused.fault ?? 0;
}

describe('faults of the handshake', () => {
  it('never answer', async () => {
    add({ action: { type: 'blackHole' } });
    const raw = await shake();
    await rig.clock.advance(3_600_000);
    expect([raw.received, raw.ended]).toEqual(['', false]);
  });

  it('let a client go that has waited long enough', async () => {
    add({ action: { type: 'blackHole' } });
    const raw = await shake();
    raw.socket.end();
    await until(() => raw.ended);
    await rig.sim.stop();
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it('drip a head that never ends', async () => {
    add({ action: { type: 'drip', everyMs: 1_000 } });
    const raw = await shake();
    await rig.clock.advance(100_000);
    await until(() => raw.received.length >= 100);
    expect(raw.received).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\nX-Filler: x+$/);
    raw.socket.destroy();
    await until(() => rig.clock.pendingTimers === 0);
  });

  it('answer late', async () => {
    add({ count: 1, action: { type: 'slow', delayMs: 6_000 } });
    const client = new StreamClient(`${rig.sim.streamUrl}/market/ws`);
    await until(() => refused() === 1);
    await rig.clock.advance(5_999);
    await settled();
    expect(client.ws.readyState).toBe(client.ws.CONNECTING);
    await rig.clock.advance(1);
    expect((await client.settled()).error).toBeNull();
    expect(await client.ask({ method: 'LIST_SUBSCRIPTIONS', id: 1 })).toEqual({ result: [], id: 1 });
    client.ws.terminate();
  });

  it('reset the connection', async () => {
    add({ action: { type: 'refuse' } });
    expect((await rig.open('/market/ws')).error?.code).toBe('ECONNRESET');
  });

  it.each([404, 429, 503])('answer with status %i', async (status) => {
    add({ action: { type: 'status', status } });
    expect((await rig.open('/market/ws')).error?.message).toBe(`Unexpected server response: ${status}`);
  });

  it('send elsewhere', async () => {
    add({ action: { type: 'status', status: 301, headers: { Location: 'ws://127.0.0.1:1/' }, body: 'gone' } });
    const raw = await shake();
    await until(() => raw.ended);
    expect(raw.received).toMatch(/^HTTP\/1\.1 301 Moved Permanently\r\n/);
    expect(raw.received).toContain('\r\nLocation: ws://127.0.0.1:1/\r\n');
    expect(raw.received.endsWith('\r\n\r\ngone')).toBe(true);
  });

  it('prove the wrong key', async () => {
    add({ action: { type: 'badAccept' } });
    expect((await rig.open('/market/ws')).error?.message).toBe('Invalid Sec-WebSocket-Accept header');
  });

  it('send a megabyte of headers', async () => {
    add({ action: { type: 'hugeHeaders' } });
    expect((await rig.open('/market/ws')).error?.code).toBe('HPE_HEADER_OVERFLOW');
  });

  it('strike as often as the rule says', async () => {
    add({ after: 1, count: 2, action: { type: 'status', status: 503 } });
    const errors: (string | undefined)[] = [];
    for (let time = 0; time < 4; time++) errors.push((await rig.open('/market/ws')).error?.message);
    expect(errors.map((message) => message?.slice(-3))).toEqual([undefined, '503', '503', undefined]);
  });
});

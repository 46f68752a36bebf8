import { createConnection, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConnectionAction, StreamFaultInput } from '../../../../src/sim/stream/faults/rule.js';
import { type StreamClient, type StreamRig, startRig, until } from '../../../support/sim-stream.js';

type ConnectionRule = Omit<Extract<StreamFaultInput, { on: 'connection' }>, 'on' | 'target'>;

let rig: StreamRig;
let stream: string;
beforeEach(async () => {
  rig = await startRig({ pacing: { everyUpdate: true } });
  stream = `${(rig.sim.market.listings[0]?.symbol ?? '').toLowerCase()}@kline_1m`;
});
afterEach(() => rig.stop());

function add(rule: ConnectionRule): void {
  rig.sim.stream.faults.add({ target: 'stream', on: 'connection', ...rule });
}

/** What is left of a client after the fault. */
async function after(action: ConnectionRule['action']): Promise<StreamClient> {
  const client = await rig.open('/market/ws');
  add({ action });
  await until(() => client.ended !== null || client.error !== null);
  return client;
}

describe('faults that end a connection', () => {
  it.each([1000, 1001, 1008, 1011, 1012])('close it with code %i', async (code) => {
    const { ended, error } = await after({ type: 'close', code, reason: 'because' });
    expect([ended, error]).toEqual([{ code, reason: 'because' }, null]);
  });

  it('reset it for 1006, which is no code that can be sent', async () => {
    const client = await rig.open('/market/ws');
    const { _socket: socket } = client.ws as unknown as { _socket: Socket };
    let failure: NodeJS.ErrnoException | null = null;
    socket.on('error', (error) => {
      failure = error;
    });
    add({ action: { type: 'close', code: 1006 } });
    expect((await client.end()).code).toBe(1006);
    expect(failure).toMatchObject({ code: 'ECONNRESET' });
  });

  it('end it without a word', async () => {
    expect((await after({ type: 'end' })).ended).toEqual({ code: 1006, reason: '' });
  });

  it('strike all, or those that the rule names', async () => {
    const clients = [await rig.open('/market/ws'), await rig.open('/market/ws'), await rig.open('/market/ws')];
    add({ connection: 2, action: { type: 'close', code: 1012 } });
    await clients[1]?.end();
    await clients[0]?.sync();
    expect(clients.map(({ ended }) => ended?.code)).toEqual([undefined, 1012, undefined]);
    add({ action: { type: 'close', code: 1001 } });
    await Promise.all(clients.map((client) => client.end()));
    expect(clients.map(({ ended }) => ended?.code)).toEqual([1001, 1012, 1001]);
  });

  it('strike at a time of the exchange, or so long from now', async () => {
    const [first, second] = [await rig.open('/market/ws'), await rig.open('/market/ws')];
    add({ connection: 1, atMs: rig.clock.now() + 10_000, action: { type: 'close' } });
    add({ connection: 2, afterMs: 20_000, action: { type: 'close' } });
    await rig.clock.advance(9_999);
    await first.sync();
    expect(first.ended).toBeNull();
    await rig.clock.advance(1);
    await first.end();
    await rig.clock.advance(9_999);
    await second.sync();
    expect(second.ended).toBeNull();
    await rig.clock.advance(1);
    expect((await second.end()).code).toBe(1000);
  });

  it('strike again and again, those that came meanwhile too', async () => {
    add({ everyMs: 1_000, action: { type: 'close', code: 1001 } });
    for (let time = 0; time < 3; time++) {
      const client = await rig.open('/market/ws');
      await rig.clock.advance(1_000);
      expect((await client.end()).code).toBe(1001);
    }
    rig.sim.stream.faults.clear();
    const survivor = await rig.open('/market/ws');
    await rig.clock.advance(5_000);
    await survivor.sync();
    expect(survivor.ended).toBeNull();
  });
});

describe('the half-open fault', () => {
  it('leaves the socket standing, and neither reads nor writes', async () => {
    const client = await rig.open(`/market/ws/${stream}`);
    await rig.clock.advance(1_000);
    await client.sync();
    const received = client.texts.length;
    expect(received).toBeGreaterThan(0);
    add({ action: { type: 'freeze' } });
    let answered = false;
    client.ws.once('pong', () => {
      answered = true;
    });
    client.ws.ping();
    client.ws.send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: 1 }));
    // A second connection is served meanwhile, which proves that time and sockets went on.
    const other = await rig.open(`/market/ws/${stream}`);
    await rig.clock.advance(4 * 60_000);
    await other.sync();
    expect(other.klines.length).toBeGreaterThan(900);
    expect([client.texts.length, client.pings.length, answered, client.ended]).toEqual([received, 0, false, null]);
    expect(rig.sim.stream.stats().connections[0]?.mode).toBe('frozen');
  });
});

describe('faults that say what nobody should say', () => {
  const said = async (action: ConnectionRule['action']) => {
    const client = await rig.open(`/market/ws/${stream}`);
    add({ action });
    await client.sync();
    expect(client.ended).toBeNull();
    return client.texts;
  };

  it('send any text, any event, and the announcement of a shutdown', async () => {
    expect(await said({ type: 'text', text: '<html>' })).toEqual(['<html>']);
    expect(await said({ type: 'event', value: { e: 'unheardOf', E: 1 } })).toEqual(['{"e":"unheardOf","E":1}']);
    expect(await said({ type: 'serverShutdown' })).toEqual([`{"e":"serverShutdown","E":${rig.clock.now()}}`]);
  });

  it('send an event of a symbol that was not subscribed', async () => {
    const [text = ''] = await said({ type: 'strayEvent', interval: '1m' });
    const event = JSON.parse(text) as { e: string; s: string; k: { i: string } };
    expect(event).toMatchObject({ e: 'kline', k: { i: '1m' } });
    expect(`${event.s.toLowerCase()}@kline_1m`).not.toBe(stream);
    expect(rig.sim.market.find(event.s)?.status).toBe('TRADING');
  });

  it('send an event of the symbol that the rule names, and none when there is no such symbol', async () => {
    const symbol = rig.sim.market.listings[3]?.symbol;
    expect((await said({ type: 'strayEvent', symbol })).map((text) => JSON.parse(text) as unknown)).toMatchObject([
      { s: symbol, k: { i: '5m' } },
    ]);
    expect(await said({ type: 'strayEvent', symbol: 'NOSUCHUSDT' })).toEqual([]);
  });
});

describe('faults below the protocol', () => {
  const BAD: [ConnectionRule['action'], string][] = [
    [{ type: 'badFrame', kind: 'invalidUtf8' }, 'WS_ERR_INVALID_UTF8'],
    [{ type: 'badFrame', kind: 'reservedBits' }, 'WS_ERR_UNEXPECTED_RSV_2_3'],
    [{ type: 'badFrame', kind: 'badOpcode' }, 'WS_ERR_INVALID_OPCODE'],
    [{ type: 'badFrame', kind: 'masked' }, 'WS_ERR_UNEXPECTED_MASK'],
    [{ type: 'badFrame', kind: 'fragmentedPing' }, 'WS_ERR_EXPECTED_FIN'],
    [{ type: 'garbage' }, 'WS_ERR_UNEXPECTED_RSV_2_3'],
    [{ type: 'huge' }, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'],
    [{ type: 'fragments' }, 'WS_ERR_TOO_MANY_BUFFERED_PARTS'],
  ];

  it.each(BAD)('make a client refuse %j with %s', async (action, code) => {
    expect((await after(action)).error?.code).toBe(code);
  });

  it('send one message byte by byte, and nothing else meanwhile', async () => {
    const client = await rig.open(`/market/ws/${stream}`);
    add({ action: { type: 'trickle', bytes: 200, everyMs: 100 } });
    await rig.clock.advance(20_000);
    expect(client.texts).toEqual([]);
    await rig.clock.advance(1_000);
    await client.sync();
    expect(client.texts[0]).toBe('x'.repeat(200));
    expect(rig.sim.stream.stats().connections[0]?.mode).toBe('open');
  });

  it('deliver a huge message in full to who takes it', async () => {
    const size = 3_000_001;
    const { hostname, port } = new URL(rig.sim.streamUrl);
    const socket = createConnection(Number(port), hostname);
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.write(
      'GET /market/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await until(() => received > 0 && rig.sim.stream.stats().opened === 1);
    const head = received;
    const action: ConnectionAction = { type: 'huge', bytes: size };
    add({ action });
    await until(() => received >= head + 10 + size);
    expect(received).toBe(head + 10 + size);
    socket.destroy();
  });
});

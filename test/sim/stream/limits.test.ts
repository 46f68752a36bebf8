import { afterEach, describe, expect, it } from 'vitest';
import { type StreamRig, startRig, until } from '../../support/sim-stream.js';

let rig: StreamRig;
afterEach(() => rig.stop());

const MINUTE_MS = 60_000;
const list = { method: 'LIST_SUBSCRIPTIONS', id: 1 };

/** `count` names of `length` characters. */
function names(count: number, length = 12): string[] {
  return Array.from({ length: count }, (_, index) => `${index}@`.padEnd(length, 'x'));
}

describe('limits of a connection', () => {
  it('answers 15 messages in a burst and ends the connection at the next', async () => {
    rig = await startRig({ limits: { messageBurst: 15 } });
    const client = await rig.open('/market/ws');
    for (let sent = 0; sent < 40; sent++) client.ws.send(JSON.stringify(list));
    expect(await client.end()).toEqual({ code: 1008, reason: 'Too many requests' });
    expect(client.replies.length).toBe(15);
    expect(rig.sim.stream.stats().closes).toEqual({ '1008 Too many requests': 1 });
  });

  it('takes ten messages a second for ever', async () => {
    rig = await startRig({ limits: { messageBurst: 15 } });
    const client = await rig.open('/market/ws');
    for (let sent = 0; sent < 100; sent++) {
      await client.ask(list);
      await rig.clock.advance(100);
    }
    expect(client.replies.length).toBe(100);
    expect(client.ended).toBeNull();
  });

  it('counts pings among the messages', async () => {
    rig = await startRig({ limits: { messageBurst: 15 } });
    const client = await rig.open('/market/ws');
    for (let sent = 0; sent < 16; sent++) client.ws.ping();
    expect(await client.end()).toEqual({ code: 1008, reason: 'Too many requests' });
  });

  it('ends a connection that sends a binary message', async () => {
    rig = await startRig();
    const client = await rig.open('/market/ws');
    client.ws.send(Buffer.from(JSON.stringify(list)));
    expect(await client.end()).toEqual({ code: 1008, reason: 'Invalid request' });
    expect(client.texts).toEqual([]);
  });

  it('never answers a control message of more than 4096 bytes', async () => {
    rig = await startRig();
    const client = await rig.open('/market/ws');
    const empty = JSON.stringify({ method: 'SUBSCRIBE', params: [''], id: 7 }).length;
    const message = (bytes: number) => ({ method: 'SUBSCRIBE', params: ['x'.repeat(bytes - empty)], id: 7 });
    client.ws.send(JSON.stringify(message(4_097)));
    expect(await client.ask(list)).toEqual({ result: [], id: 1 });
    expect(await client.ask(message(4_096))).toEqual({ result: null, id: 7 });
    expect(rig.sim.stream.stats().ignoredMessages).toBe(1);
  });

  it('ends a connection that sends more than a megabyte at once', async () => {
    rig = await startRig();
    const client = await rig.open('/market/ws');
    client.ws.send('x'.repeat(2 ** 20 + 1));
    expect((await client.end()).code).toBe(1009);
  });

  it('answers long control messages when that limit is off', async () => {
    rig = await startRig({ limits: { controlFrameBytes: null } });
    const client = await rig.open('/market/ws');
    expect(await client.ask({ method: 'SUBSCRIBE', params: names(200, 30), id: 7 })).toEqual({ result: null, id: 7 });
  });

  it('holds 1024 streams and loses them all with one more', async () => {
    rig = await startRig();
    const client = await rig.open('/market/ws');
    for (let from = 0; from < 1_024; from += 128) {
      await client.ask({ method: 'SUBSCRIBE', params: names(1_024).slice(from, from + 128), id: from });
    }
    expect(rig.sim.stream.stats().connections[0]?.streams).toBe(1_024);
    client.ws.send(JSON.stringify({ method: 'SUBSCRIBE', params: ['one@more'], id: 19 }));
    expect(await client.end()).toEqual({ code: 1008, reason: 'Invalid request' });
    expect(client.replies.at(-1)).toEqual({ error: { code: 4, msg: 'Too many subscriptions' }, id: 19 });
  });

  it('holds streams of the URL to the same number', async () => {
    rig = await startRig({ limits: { streamsPerConnection: 3 } });
    const client = await rig.open('/market/stream?streams=a@x/b@x/c@x/d@x');
    expect(await client.end()).toEqual({ code: 1008, reason: 'Invalid request' });
    expect(client.messages).toEqual([{ error: { code: 4, msg: 'Too many subscriptions' } }]);
  });

  it('cuts off a reader that leaves too much waiting', async () => {
    rig = await startRig({ limits: { bufferedBytes: 0 }, pacing: { everyUpdate: true } });
    const symbols = rig.sim.market.listings.filter(({ status }) => status === 'TRADING');
    const streams = symbols.map(({ symbol }) => `${symbol.toLowerCase()}@kline_1m`);
    const client = await rig.open(`/market/stream?streams=${streams.map(encodeURIComponent).join('/')}`);
    client.ws.pause();
    await rig.clock.advance(1_000);
    await until(() => rig.sim.stream.stats().connections.length === 0);
    expect(rig.sim.stream.stats().closes).toEqual({ 'slow reader': 1 });
  });
});

describe('the life of a connection', () => {
  it('pings every three minutes with the time in milliseconds', async () => {
    rig = await startRig();
    const client = await rig.open('/market/ws');
    const openedAt = rig.clock.now();
    await rig.clock.advance(3 * MINUTE_MS - 1);
    await client.sync();
    expect(client.pings).toEqual([]);
    await rig.clock.advance(1);
    await client.sync();
    await rig.clock.advance(3 * MINUTE_MS);
    await client.sync();
    expect(client.pings).toEqual([3, 6].map((minutes) => String(openedAt + minutes * MINUTE_MS)));
  });

  it('gives up a connection after ten minutes without a pong', async () => {
    rig = await startRig();
    const client = await rig.open('/market/ws', false);
    await rig.clock.advance(10 * MINUTE_MS - 1);
    await client.sync();
    expect(client.ended).toBeNull();
    await rig.clock.advance(1);
    expect((await client.end()).code).toBe(1006);
    expect(rig.sim.stream.stats().closes).toEqual({ 'no pong': 1 });
  });

  it('takes a pong that it did not ask for', async () => {
    rig = await startRig();
    const client = await rig.open('/market/ws', false);
    await rig.clock.advance(9 * MINUTE_MS);
    client.ws.pong();
    await client.sync();
    await rig.clock.advance(9 * MINUTE_MS);
    await client.sync();
    expect(client.ended).toBeNull();
  });

  it('ends after 24 hours', async () => {
    rig = await startRig();
    const client = await rig.open('/market/ws');
    for (let hour = 0; hour < 24; hour++) {
      expect(client.ended).toBeNull();
      for (let minute = 0; minute < 60; minute += 6) {
        await rig.clock.advance(6 * MINUTE_MS);
        await client.sync();
      }
    }
    expect((await client.end()).code).toBe(1001);
  });

  it('scales its times', async () => {
    rig = await startRig({ limits: { pingEveryMs: 100, lifeMs: 1_000 } });
    const client = await rig.open('/market/ws');
    await rig.clock.advance(999);
    await client.sync();
    expect(client.pings.length).toBe(9);
    await rig.clock.advance(1);
    expect((await client.end()).code).toBe(1001);
  });
});

describe('connection attempts', () => {
  it('lets in as many as the limit in five minutes and refuses more with 429', async () => {
    rig = await startRig({ limits: { connectAttempts: 3 } });
    for (let attempt = 0; attempt < 3; attempt++) expect((await rig.open('/market/ws')).error).toBeNull();
    await rig.clock.advance(5 * MINUTE_MS - 1);
    expect((await rig.open('/market/ws')).error?.message).toBe('Unexpected server response: 429');
    await rig.clock.advance(1);
    expect((await rig.open('/market/ws')).error).toBeNull();
    expect(rig.sim.stream.stats()).toMatchObject({ opened: 4, refused: { '429': 1 } });
  });

  it('are not counted when that limit is off', async () => {
    rig = await startRig({ limits: { connectAttempts: null } });
    for (let attempt = 0; attempt < 301; attempt++) (await rig.open('/market/ws')).ws.terminate();
    expect(rig.sim.stream.stats().opened).toBe(301);
  });
});

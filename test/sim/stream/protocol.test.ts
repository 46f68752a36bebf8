import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StreamRig, startRig, type WireKline } from '../../support/sim-stream.js';

let rig: StreamRig;
let stream: string;
beforeEach(async () => {
  rig = await startRig();
  stream = `${(rig.sim.market.listings[0]?.symbol ?? '').toLowerCase()}@kline_1m`;
});
afterEach(() => rig.stop());

/** Long enough for a symbol that trades to trade. */
const A_WHILE_MS = 5_000;

describe('the stream protocol', () => {
  it('sends bare events on /market/ws and wrapped ones on /market/stream', async () => {
    const raw = await rig.open(`/market/ws/${stream}`);
    const combined = await rig.open(`/market/stream?streams=${stream}`);
    await rig.clock.advance(A_WHILE_MS);
    await Promise.all([raw.sync(), combined.sync()]);
    expect(raw.klines.length).toBeGreaterThan(0);
    expect(combined.messages).toEqual(raw.messages.map((data) => ({ stream, data })));
  });

  it('acknowledges SUBSCRIBE and UNSUBSCRIBE, bare also in combined mode, and obeys them', async () => {
    const client = await rig.open('/market/stream');
    expect(await client.ask({ method: 'SUBSCRIBE', params: [stream], id: 1 })).toEqual({ result: null, id: 1 });
    await rig.clock.advance(A_WHILE_MS);
    await client.sync();
    const received = client.texts.length;
    expect(received).toBeGreaterThan(1);
    expect(await client.ask({ method: 'UNSUBSCRIBE', params: [stream], id: 312 })).toEqual({ result: null, id: 312 });
    await rig.clock.advance(A_WHILE_MS);
    await client.sync();
    expect(client.texts.length).toBe(received + 1);
    expect(rig.sim.stream.stats().streams).toBe(0);
  });

  it('changes the wrapping of a connection that stands', async () => {
    const client = await rig.open(`/market/ws/${stream}`);
    expect(await client.ask({ method: 'GET_PROPERTY', params: ['combined'], id: 1 })).toEqual({ result: false, id: 1 });
    await client.ask({ method: 'SET_PROPERTY', params: ['combined', true], id: 2 });
    expect(await client.ask({ method: 'GET_PROPERTY', params: ['combined'], id: 3 })).toEqual({ result: true, id: 3 });
    await rig.clock.advance(A_WHILE_MS);
    await client.sync();
    const events = client.messages.slice(3) as { stream: string; data: WireKline }[];
    expect(events.length).toBeGreaterThan(0);
    expect(events.every((event) => event.stream === stream && event.data.e === 'kline')).toBe(true);
  });

  it('acknowledges and lists names that bring nothing, and those never subscribed', async () => {
    const client = await rig.open('/market/ws');
    const mute = [stream.toUpperCase(), 'nosuchusdt@kline_1m', 'btcusdt@nothing', '', 'not a stream'];
    expect(await client.ask({ method: 'SUBSCRIBE', params: mute, id: 1 })).toEqual({ result: null, id: 1 });
    expect(await client.ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 })).toEqual({ result: mute, id: 2 });
    expect(await client.ask({ method: 'UNSUBSCRIBE', params: ['x@kline_1m'], id: 3 })).toEqual({ result: null, id: 3 });
    await rig.clock.advance(A_WHILE_MS);
    await client.sync();
    expect(client.texts.length).toBe(3);
  });

  it('goes on after a message that makes no sense', async () => {
    const client = await rig.open('/market/ws');
    expect(await client.ask('{{')).toMatchObject({ code: 3 });
    expect(await client.ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 })).toEqual({ result: [], id: 2 });
  });

  it.each(['/ws', '/stream', '/public/ws'])('acknowledges on %s and never sends a kline', async (path) => {
    const client = await rig.open(path);
    expect(await client.ask({ method: 'SUBSCRIBE', params: [stream], id: 1 })).toEqual({ result: null, id: 1 });
    expect(await client.ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 })).toEqual({ result: [stream], id: 2 });
    await rig.clock.advance(A_WHILE_MS);
    await client.sync();
    expect(client.texts.length).toBe(2);
  });

  it('answers 404 for any other path', async () => {
    const client = await rig.open('/market/nothing');
    expect(client.error?.message).toBe('Unexpected server response: 404');
    expect(rig.sim.stream.stats().refused).toEqual({ '404': 1 });
  });

  it('answers plain requests beside it', async () => {
    await rig.open('/market/ws');
    expect((await rig.sim.get('/fapi/v1/ping')).status).toBe(200);
    expect((await rig.sim.get('/sim/stream')).json).toMatchObject({ opened: 1, connections: [{ id: 1, streams: 0 }] });
  });

  it('subscribes a name once, however often it is asked for', async () => {
    const client = await rig.open(`/market/ws/${stream}/${stream}`);
    await client.ask({ method: 'SUBSCRIBE', params: [stream], id: 1 });
    expect(await client.ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 })).toEqual({ result: [stream], id: 2 });
    await rig.clock.advance(A_WHILE_MS);
    await client.sync();
    const events = client.klines;
    expect(new Set(events.map((event) => event.E)).size).toBe(events.length);
  });
});

describe('stopping the stream', () => {
  it('ends every connection, those in the handshake too, and leaves no timer', async () => {
    const open = await rig.open(`/market/ws/${stream}`);
    rig.sim.stream.faults.add([
      { target: 'stream', on: 'handshake', action: { type: 'slow', delayMs: 60_000 } },
      { target: 'stream', on: 'connection', everyMs: 1_000, action: { type: 'text', text: '{}' } },
      { target: 'stream', on: 'frame', action: { type: 'delay', delayMs: 60_000 } },
    ]);
    const waiting = rig.open('/market/ws');
    await rig.clock.advance(A_WHILE_MS);
    await Promise.all([rig.sim.stop(), rig.sim.stop()]);
    expect((await open.end()).code).toBe(1006);
    expect((await waiting).error).not.toBeNull();
    expect(rig.clock.pendingTimers).toBe(0);
    expect(rig.sim.stream.stats()).toMatchObject({ connections: [], streams: 0 });
  });

  it('does not tick while nobody listens', async () => {
    const client = await rig.open('/market/ws');
    const idle = rig.clock.pendingTimers;
    await client.ask({ method: 'SUBSCRIBE', params: [stream], id: 1 });
    expect(rig.clock.pendingTimers).toBe(idle + 1);
    client.ws.terminate();
    await client.end();
    while (rig.sim.stream.stats().connections.length > 0) await rig.clock.advance(0);
    expect(rig.clock.pendingTimers).toBe(0);
  });
});

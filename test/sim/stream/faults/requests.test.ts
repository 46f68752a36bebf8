import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamFaultInput } from '../../../../src/sim/stream/faults/rule.js';
import { fetchRaw } from '../../../support/sim.js';
import { type StreamClient, type StreamRig, startRig } from '../../../support/sim-stream.js';

type RequestRule = Omit<Extract<StreamFaultInput, { on: 'request' }>, 'on' | 'target'>;

const NAMES = ['a@kline_1m', 'b@kline_1m', 'c@kline_1m', 'd@kline_1m'];
const SUBSCRIBE = { method: 'SUBSCRIBE', params: NAMES, id: 7 };

let rig: StreamRig;
let client: StreamClient;
beforeEach(async () => {
  rig = await startRig();
  client = await rig.open('/market/ws');
});
afterEach(() => rig.stop());

function add(rule: RequestRule): void {
  rig.sim.stream.faults.add({ target: 'stream', on: 'request', method: 'SUBSCRIBE', ...rule });
}

async function subscribed(): Promise<unknown> {
  return ((await client.ask({ method: 'LIST_SUBSCRIPTIONS', id: 0 })) as { result: unknown }).result;
}

describe('faults of control messages', () => {
  it('acknowledge and subscribe half', async () => {
    add({ action: { type: 'partial' } });
    expect(await client.ask(SUBSCRIBE)).toEqual({ result: null, id: 7 });
    expect(await subscribed()).toEqual(NAMES.slice(0, 2));
  });

  it('acknowledge and do nothing', async () => {
    add({ action: { type: 'ackOnly' } });
    expect(await client.ask(SUBSCRIBE)).toEqual({ result: null, id: 7 });
    expect(await subscribed()).toEqual([]);
  });

  it('do nothing and do not answer', async () => {
    add({ action: { type: 'ignore' } });
    client.ws.send(JSON.stringify(SUBSCRIBE));
    expect(await subscribed()).toEqual([]);
    expect(client.texts.length).toBe(1);
  });

  it('acknowledge under another id', async () => {
    add({ action: { type: 'wrongId' } });
    expect(await client.ask(SUBSCRIBE)).toEqual({ result: null, id: 8 });
    expect(await subscribed()).toEqual(NAMES);
  });

  it('acknowledge late', async () => {
    add({ action: { type: 'lateAck', delayMs: 5_000 } });
    client.ws.send(JSON.stringify(SUBSCRIBE));
    expect(await subscribed()).toEqual(NAMES);
    await rig.clock.advance(5_000);
    await client.sync();
    expect(client.replies.at(-1)).toEqual({ result: null, id: 7 });
  });

  it('refuse, bare or in an envelope', async () => {
    add({ count: 1, action: { type: 'error', code: 2, msg: 'Invalid request' } });
    add({ action: { type: 'error', code: 4, msg: 'Too many subscriptions', envelope: true } });
    expect(await client.ask(SUBSCRIBE)).toEqual({ code: 2, msg: 'Invalid request' });
    expect(await client.ask(SUBSCRIBE)).toEqual({ error: { code: 4, msg: 'Too many subscriptions' }, id: 7 });
    expect(await subscribed()).toEqual([]);
  });

  it('strike the connection that the rule names', async () => {
    const other = await rig.open('/market/ws');
    add({ connection: [2], action: { type: 'wrongId' } });
    expect(await client.ask(SUBSCRIBE)).toEqual({ result: null, id: 7 });
    expect(await other.ask(SUBSCRIBE)).toEqual({ result: null, id: 8 });
  });
});

describe('the control endpoint', () => {
  const url = () => `${rig.sim.restUrl}/sim/faults`;
  const post = (body: unknown) => fetchRaw(url(), { method: 'POST', body: JSON.stringify(body) });
  const streamRule = { target: 'stream', on: 'request', id: 'mine', action: { type: 'ackOnly' } };
  const restRule = { path: 'klines', action: { type: 'reset' } };

  it('takes rules for the stream beside those for REST, and returns their ids in order', async () => {
    const { json } = await post([restRule, streamRule, { ...streamRule, id: 'other' }]);
    expect(json).toEqual({ ids: ['fault-1', 'mine', 'other'] });
    expect(rig.sim.faults.list().map(({ id }) => id)).toEqual(['fault-1']);
    expect(rig.sim.stream.faults.list().map(({ id }) => id)).toEqual(['mine', 'other']);
    expect((await rig.sim.get('/sim/faults')).json).toMatchObject({ faults: [{ id: 'fault-1' }, { id: 'mine' }, {}] });
  });

  it('removes one rule, or all', async () => {
    await post([restRule, streamRule, { ...streamRule, id: 'other' }]);
    await fetchRaw(`${url()}?id=mine`, { method: 'DELETE' });
    expect(rig.sim.stream.faults.list().map(({ id }) => id)).toEqual(['other']);
    expect((await fetchRaw(url(), { method: 'DELETE' })).json).toEqual({ faults: [] });
  });

  it('adds no rule when one of them is wrong', async () => {
    const { status, json } = await post([restRule, streamRule, { target: 'stream', on: 'frame' }]);
    expect([status, json]).toEqual([400, { error: expect.stringMatching(/^stream fault 1\.action: /) as string }]);
    expect((await rig.sim.get('/sim/faults')).json).toEqual({ faults: [] });
  });
});

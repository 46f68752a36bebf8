import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamFaultInput } from '../../../../src/sim/stream/faults/rule.js';
import { type StreamClient, type StreamRig, startRig, type WireKline } from '../../../support/sim-stream.js';

type FrameRule = Omit<Extract<StreamFaultInput, { on: 'frame' }>, 'on' | 'target'>;

const MINUTE_MS = 60_000;
let rig: StreamRig;
/** Two symbols that trade all the time. */
let symbols: [string, string];
let streams: [string, string];
beforeEach(async () => {
  rig = await startRig({ pacing: { everyUpdate: true } });
  const trading = rig.sim.market.listings.filter(({ status }) => status === 'TRADING').map(({ symbol }) => symbol);
  symbols = trading.slice(0, 2) as [string, string];
  streams = symbols.map((symbol) => `${symbol.toLowerCase()}@kline_1m`) as [string, string];
});
afterEach(() => rig.stop());

function add(rule: FrameRule): string {
  return rig.sim.stream.faults.add({ target: 'stream', on: 'frame', ...rule })[0] as string;
}

/** Events that arrive while the clock moves by `ms`. */
async function during(client: StreamClient, ms: number): Promise<WireKline[]> {
  const before = client.klines.length;
  await rig.clock.advance(ms);
  await client.sync();
  return client.klines.slice(before);
}

const subscribeBoth = () => rig.open(`/market/ws/${streams.join('/')}`);

describe('faults of events', () => {
  it('mute a symbol and nothing else, until cleared', async () => {
    const client = await subscribeBoth();
    const id = add({ symbol: symbols[0], action: { type: 'drop' } });
    expect(new Set((await during(client, 2_000)).map(({ s }) => s))).toEqual(new Set([symbols[1]]));
    expect(rig.sim.stream.faults.list()).toMatchObject([{ id, matched: 8, fired: 8 }]);
    rig.sim.stream.faults.clear(id);
    expect(new Set((await during(client, 2_000)).map(({ s }) => s))).toEqual(new Set(symbols));
  });

  it('mute a stream by name', async () => {
    const client = await rig.open(`/market/ws/${streams[0]}/${streams[0].replace('1m', '5m')}`);
    add({ stream: streams[0], action: { type: 'drop' } });
    expect(new Set((await during(client, 2_000)).map(({ k }) => k.i))).toEqual(new Set(['5m']));
  });

  it('mute a connection, which still answers pings and requests', async () => {
    const [muted, other] = [await subscribeBoth(), await subscribeBoth()];
    add({ connection: 1, action: { type: 'drop' } });
    expect(await during(muted, 2_000)).toEqual([]);
    await other.sync();
    expect(other.klines.length).toBe(16);
    expect(await muted.ask({ method: 'LIST_SUBSCRIPTIONS', id: 1 })).toEqual({ result: streams, id: 1 });
  });

  it('drop only closing events', async () => {
    const client = await subscribeBoth();
    add({ closed: true, action: { type: 'drop' } });
    const events = await during(client, 2 * MINUTE_MS);
    expect(events.filter(({ k }) => k.x)).toEqual([]);
    expect(new Set(events.map(({ k }) => k.t)).size).toBe(3);
  });

  it('drop with a probability that a seed repeats', async () => {
    const client = await subscribeBoth();
    add({ probability: 0.5, action: { type: 'drop' } });
    const received = (await during(client, 50_000)).length;
    const [rule] = rig.sim.stream.faults.list();
    expect(rule?.matched).toBe(received + (rule?.fired ?? 0));
    expect(received / (rule?.matched ?? 0)).toBeCloseTo(0.5, 1);
  });

  it('strike as often as the rule says', async () => {
    const client = await rig.open(`/market/ws/${streams[0]}`);
    add({ after: 2, everyNth: 2, count: 2, action: { type: 'drop' } });
    expect((await during(client, 2_500)).length).toBe(10 - 2);
    expect(rig.sim.stream.faults.list()).toMatchObject([{ matched: 10, fired: 2 }]);
  });

  it('send an event twice, or ten times', async () => {
    const client = await rig.open(`/market/ws/${streams[0]}`);
    const id = add({ action: { type: 'repeat' } });
    const [first, second] = await during(client, 250);
    expect(second).toEqual(first);
    rig.sim.stream.faults.clear(id);
    add({ action: { type: 'repeat', times: 10 } });
    expect((await during(client, 1_000)).length).toBe(40);
  });

  it('send an event late', async () => {
    const client = await rig.open(`/market/ws/${streams[0]}`);
    add({ action: { type: 'delay', delayMs: 1_000 } });
    expect(await during(client, 1_000)).toEqual([]);
    const late = await during(client, 250);
    expect(late.map(({ E }) => rig.clock.now() - E >= 1_000)).toEqual([true]);
  });

  it('send a closing event after events of the next candle', async () => {
    const client = await rig.open(`/market/ws/${streams[0]}`);
    add({ closed: true, action: { type: 'delay', delayMs: 3_000 } });
    const events = await during(client, MINUTE_MS);
    const at = events.findIndex(({ k }) => k.x);
    expect(events[at - 1]?.k.t).toBe((events[at]?.k.t ?? 0) + MINUTE_MS);
  });

  it('swap an event with the next one of its stream', async () => {
    const client = await subscribeBoth();
    add({ symbol: symbols[0], count: 1, action: { type: 'reorder' } });
    const times = (await during(client, 1_000)).filter(({ s }) => s === symbols[0]).map(({ E }) => E);
    const [second, first, ...rest] = times as [number, number];
    expect(first).toBeLessThan(second);
    expect(rest.length).toBe(2);
  });

  it('keep order when every event is to be swapped', async () => {
    const client = await rig.open(`/market/ws/${streams[0]}`);
    add({ action: { type: 'reorder' } });
    const times = (await during(client, 1_500)).map(({ E }) => E);
    const base = times[1] as number;
    expect(times.map((time) => (time - base) / 250)).toEqual([1, 0, 3, 2, 5, 4]);
  });

  it('call a candle closed twice with other values', async () => {
    const client = await rig.open(`/market/ws/${streams[0]}`);
    add({ closed: true, count: 1, action: { type: 'revise', afterMs: 500 } });
    const [first, second] = (await during(client, MINUTE_MS)).filter(({ k }) => k.x) as [WireKline, WireKline];
    expect(second.k.t).toBe(first.k.t);
    expect(second.k.c).not.toBe(first.k.c);
    expect({ ...second.k, c: first.k.c }).toEqual(first.k);
    expect([first.k.h, first.k.l]).toContain(second.k.c);
  });

  it('add the keys that other streams have', async () => {
    const client = await rig.open(`/market/ws/${streams[0]}`);
    add({ action: { type: 'extraKeys' } });
    expect(await during(client, 250)).toMatchObject([{ e: 'kline', s: symbols[0], st: 1, ps: symbols[0] }]);
  });

  it('keep REST as it is', async () => {
    add({ action: { type: 'drop' } });
    expect((await rig.sim.get(`/fapi/v1/klines?symbol=${symbols[0]}&interval=1m&limit=3`)).json).toHaveLength(3);
  });
});

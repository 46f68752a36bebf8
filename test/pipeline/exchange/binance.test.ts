import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { loadBinance } from '../../../src/pipeline/exchange/ccxt.js';
import { klinesWeight } from '../../../src/pipeline/exchange/klines.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startRig } from '../../support/hostile-client.js';
import { type HostileRequest, httpReply, klinesReply } from '../../support/hostile-server.js';

const json = (value: unknown, used?: number) => (request: HostileRequest) =>
  void request.socket.write(
    httpReply({
      headers: { 'content-encoding': 'gzip', ...(used !== undefined && { 'X-MBX-USED-WEIGHT-1M': String(used) }) },
      body: gzipSync(JSON.stringify(value)),
    }),
  );

describe('the requests', () => {
  it('ask for klines by symbol, interval and limit, with bounds only when given, and any Unicode encoded', async () => {
    const rig = await startRig(({ socket }) => void socket.write(klinesReply()));
    await rig.klines();
    await rig.klines({ symbol: '币安人生USDT', limit: 499, startTime: 1_000, endTime: 2_000 });
    const [first, second] = rig.server.requests.map(({ path }) => new URL(path, 'http://x'));
    expect(first?.pathname).toBe('/fapi/v1/klines');
    expect(Object.fromEntries(first?.searchParams ?? [])).toEqual({ symbol: 'BTCUSDT', interval: '5m', limit: '3' });
    expect(Object.fromEntries(second?.searchParams ?? [])).toEqual({
      symbol: '币安人生USDT',
      interval: '5m',
      limit: '499',
      startTime: '1000',
      endTime: '2000',
    });
    expect(rig.client.stats()).toMatchObject({ total: 2, weight: 3, failed: 0, retried: 0, throttled: 0 });
  });

  it.each([0, -1, 1501, 1.5, Number.NaN])('refuse the limit %d without sending anything', async (limit) => {
    const rig = await startRig(() => {});
    expect(await rig.kindOf(rig.klines({ limit }))).toBe('badRequest');
    expect(rig.server.requests.length).toBe(0);
  });

  it('cost what ccxt has in its table, which is the documented weight', async () => {
    const rig = await startRig(({ socket }) => void socket.write(klinesReply(1)));
    const costs = (await loadBinance(rig.server.url)).api.fapiPublic.get.klines as { byLimit: [number, number][] };
    for (const limit of [1, 99, 100, 499, 500, 1000, 1001, 1500]) {
      expect(costs.byLimit.find(([most]) => limit <= most)?.[1]).toBe(klinesWeight(limit));
      const before = rig.client.stats().weight;
      await rig.klines({ limit });
      expect(rig.client.stats().weight - before).toBe(klinesWeight(limit));
    }
  });

  it('go out in parallel, each with its own answer', async () => {
    const rig = await startRig(({ socket, path }) => {
      const limit = Number(new URL(path, 'http://x').searchParams.get('limit'));
      setTimeout(() => socket.write(klinesReply(limit)), (limit * 7) % 11);
    });
    const limits = Array.from({ length: 60 }, (_, index) => index + 1);
    const replies = await Promise.all(limits.map((limit) => rig.klines({ limit })));
    expect(replies.map(({ rows }) => rows.length)).toEqual(limits);
  });
});

describe('what replies teach the governor', () => {
  it('the weight that the address has used', async () => {
    const rig = await startRig(({ socket }) => void socket.write(klinesReply(3, { 'X-MBX-USED-WEIGHT-1M': '1234' })));
    await rig.klines();
    expect(rig.governor.weightUsed).toBe(1234);
  });

  it.each(['', 'NaN', '-1', '1e9', '99999999999'])('nothing when the header says %j', async (used) => {
    const rig = await startRig(({ socket }) => void socket.write(klinesReply(3, { 'X-MBX-USED-WEIGHT-1M': used })));
    await rig.klines();
    expect(rig.governor.weightUsed).toBe(1);
  });

  it('the weight limit, from the list of markets', async () => {
    const symbol = {
      symbol: 'BTCUSDT',
      contractType: 'PERPETUAL',
      onboardDate: 1,
      status: 'TRADING',
      baseAsset: 'BTC',
      quoteAsset: 'USDT',
      marginAsset: 'USDT',
    };
    const rateLimits = [{ rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 6000 }];
    const rig = await startRig(json({ symbols: [symbol], rateLimits }));
    const info = await rig.client.exchangeInfo({ lane: 'bulk' });
    expect(info.instruments.map(({ unified }) => unified)).toEqual(['BTC/USDT:USDT']);
    expect(rig.server.requests[0]?.path).toBe('/fapi/v1/exchangeInfo');
    expect(rig.governor.weightLimit).toBe(6000);
    expect(rig.client.stats().weightLimit).toBe(6000);
  });

  it("the exchange's clock", async () => {
    const rig = await startRig(json({ serverTime: 1791382984200 }));
    const { serverTime, roundTripMs } = await rig.client.serverTime({ lane: 'urgent' });
    expect(serverTime).toBe(1791382984200);
    expect(roundTripMs).toBeGreaterThanOrEqual(0);
    expect(rig.governor.exchangeNow()).toBeGreaterThanOrEqual(1791382984200);
    expect(rig.server.requests[0]?.path).toBe('/fapi/v1/time');
  });

  it('that the volumes of all symbols cost 40', async () => {
    const rig = await startRig(json([{ symbol: 'BTCUSDT', quoteVolume: '12.5' }]));
    expect([...(await rig.client.quoteVolumes({ lane: 'bulk' }))]).toEqual([['BTCUSDT', 12.5]]);
    expect(rig.client.stats().weight).toBe(40);
  });
});

describe('other limits', () => {
  it('hold for the requests to come: more sockets, another deadline; those under way keep theirs', async () => {
    const clock = new FakeClock();
    const waiting: HostileRequest[] = [];
    const rig = await startRig((request) => void waiting.push(request), { clock, window: 2, requestTimeoutMs: 10_000 });
    const before = [1, 2, 3].map(() => rig.klines());
    await vi.waitFor(() => expect(waiting).toHaveLength(2));
    rig.client.reconfigure({ window: 4, requestTimeoutMs: 1_000 });
    const after = [1, 2, 3, 4].map(() => rig.kindOf(rig.klines()));
    await vi.waitFor(() => expect(waiting).toHaveLength(6));
    for (let step = 0; step < 40; step++) await clock.advance(200);
    expect(new Set(await Promise.all(after))).toEqual(new Set(['deadline']));
    // Within their ten seconds; the third takes a socket of the two.
    for (const { socket } of waiting.slice(0, 2)) socket.write(klinesReply());
    await vi.waitFor(() => expect(waiting.at(-1)?.socket).toBeOneOf(waiting.slice(0, 2).map(({ socket }) => socket)));
    waiting.at(-1)?.socket.write(klinesReply());
    expect((await Promise.all(before)).map(({ rows }) => rows.length)).toEqual([3, 3, 3]);
  });

  it('that are the same keep the sockets', async () => {
    const rig = await startRig(({ socket }) => void socket.write(klinesReply()), {
      window: 1,
      requestTimeoutMs: 8_000,
    });
    await rig.klines();
    rig.client.reconfigure({ window: 1, requestTimeoutMs: 9_000 });
    await rig.klines();
    const [first, second] = rig.server.requests;
    expect(second?.socket).toBe(first?.socket);
  });
});

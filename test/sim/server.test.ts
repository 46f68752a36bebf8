import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.js';
import { startSim } from '../../src/sim/server.js';
import { settled } from '../support/fake-clock.js';
import { fetchRaw, NOW, startTestSim, type TestSim } from '../support/sim.js';

const sims: TestSim[] = [];
afterEach(async () => {
  await Promise.all(sims.splice(0).map((sim) => sim.stop()));
});

async function start(options: Parameters<typeof startTestSim>[0] = {}): Promise<TestSim> {
  const sim = await startTestSim(options);
  sims.push(sim);
  return sim;
}

/** Lets the request arrive: until the clock holds `count` timers. */
async function timersPending(sim: TestSim, count: number): Promise<void> {
  while (sim.clock.pendingTimers < count) await settled();
}

describe('the embedded exchange', () => {
  it('names its addresses and dates its replies by its own clock', async () => {
    const sim = await start();
    expect(sim.restUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(sim.streamUrl).toBe(sim.restUrl.replace('http', 'ws'));
    const reply = await sim.get('/fapi/v1/ping');
    expect(reply.headers['date']).toBe(new Date(NOW).toUTCString());
    expect(reply.text).toBe('{}');
  });

  it('keeps connections alive between requests', async () => {
    const sim = await start();
    const agent = new Agent({ keepAlive: true });
    const ports: (number | undefined)[] = [];
    for (let time = 0; time < 2; time++) {
      const [response] = (await once(request(`${sim.restUrl}/fapi/v1/ping`, { agent }).end(), 'response')) as [
        IncomingMessage,
      ];
      ports.push(response.socket.localPort);
      await once(response.resume(), 'end');
      await settled();
    }
    agent.destroy();
    expect(ports[0]).toBe(ports[1]);
  });

  it('answers after the latency and tells the time of the middle', async () => {
    const sim = await start({ latencyMs: 100 });
    let done = false;
    const reply = sim.get('/fapi/v1/time').then((raw) => {
      done = true;
      return raw;
    });
    await timersPending(sim, 1);
    await sim.clock.advance(50);
    await timersPending(sim, 1);
    await sim.clock.advance(49);
    expect(done).toBe(false);
    await sim.clock.advance(1);
    expect((await reply).json).toEqual({ serverTime: NOW + 50 });
  });

  it('adds jitter by its random numbers, up to the bound', async () => {
    const sim = await start({ latencyMs: 10, jitterMs: 90, random: () => 0.5 });
    const reply = sim.get('/fapi/v1/time');
    await timersPending(sim, 1);
    await sim.clock.advance(27.5);
    await timersPending(sim, 1);
    await sim.clock.advance(27.5);
    expect((await reply).json).toEqual({ serverTime: NOW + 27.5 });
  });

  it('refuses addresses that others can reach', async () => {
    const { market, clock } = await start();
    const options = { market, clock, random: seededRandom(1), host: '0.0.0.0' };
    await expect(startSim(options)).rejects.toThrow('sim host: found 0.0.0.0, allowed are loopback addresses');
  });

  it('rejects when the port is taken', async () => {
    const { market, clock, restUrl } = await start();
    const port = Number(new URL(restUrl).port);
    await expect(startSim({ market, clock, random: seededRandom(1), port })).rejects.toThrow('EADDRINUSE');
  });

  it('stops once for all callers, with requests still open, and leaves no timer', async () => {
    const sim = await start({ latencyMs: 1_000 });
    const open = sim.get('/fapi/v1/ping').catch((error: Error) => error);
    await timersPending(sim, 1);
    await Promise.all([sim.stop(), sim.stop()]);
    expect(await open).toBeInstanceOf(Error);
    while (sim.clock.pendingTimers > 0) await settled();
    await expect(sim.get('/fapi/v1/ping')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('statistics', () => {
  it('count requests by path, symbols, klines without limit and those of symbols that do not trade', async () => {
    const sim = await start();
    const delisted = sim.market.listings.find((listing) => listing.status === 'SETTLING')?.symbol;
    for (const query of [
      'symbol=BTCUSDT&interval=5m&limit=1',
      'symbol=ETHUSDT&interval=5m',
      `symbol=${delisted}&interval=1h&limit=2`,
    ]) {
      await sim.get(`/fapi/v1/klines?${query}`);
    }
    await sim.get('/fapi/v1/ping');
    await sim.get('/nowhere');
    const stats = (await sim.get('/sim/stats')).json;
    expect(stats).toEqual(sim.stats());
    expect(stats).toEqual({
      requests: { '/fapi/v1/klines': 3, '/fapi/v1/ping': 1, unknown: 1 },
      total: 5,
      symbols: 3,
      weightByMinute: { [NOW - (NOW % 60_000)]: 9 },
      maxWeightPerMinute: 9,
      overruns: 0,
      whileBanned: 0,
      klinesWithoutLimit: 1,
      nonTrading: 1,
      unknownPaths: 1,
      faulted: 0,
    });
  });
});

describe('the control endpoints', () => {
  it('add, list and remove fault rules at run time', async () => {
    const sim = await start();
    const post = (body: string) => fetchRaw(`${sim.restUrl}/sim/faults`, { method: 'POST', body });
    expect((await post('{"path":"ping","action":{"type":"forbidden"}}')).json).toEqual({ ids: ['fault-1'] });
    expect((await post('[{"id":"x","path":"time","action":{"type":"html"}}]')).json).toEqual({ ids: ['x'] });
    expect((await sim.get('/fapi/v1/ping')).status).toBe(403);
    const { faults } = (await sim.get('/sim/faults')).json as { faults: { id: string; fired: number }[] };
    expect(faults.map(({ id, fired }) => [id, fired])).toEqual([
      ['fault-1', 1],
      ['x', 0],
    ]);
    await fetchRaw(`${sim.restUrl}/sim/faults?id=fault-1`, { method: 'DELETE' });
    expect((await sim.get('/fapi/v1/ping')).status).toBe(200);
    expect((await sim.get('/fapi/v1/time')).headers['content-type']).toBe('text/html');
    await fetchRaw(`${sim.restUrl}/sim/faults`, { method: 'DELETE' });
    expect(sim.faults.list()).toEqual([]);
  });

  it('say what is wrong with a rule, and add none of its list', async () => {
    const sim = await start();
    const post = (body: string) => fetchRaw(`${sim.restUrl}/sim/faults`, { method: 'POST', body });
    const bad = await post('[{"action":{"type":"html"}},{"probability":2,"action":{"type":"html"}}]');
    expect(bad.status).toBe(400);
    expect(bad.json).toEqual({ error: expect.stringMatching(/^fault rule 1\.probability: .*found \{"probability":2/) });
    expect((await post('{"action":{"type":"explode"}}')).json).toEqual({
      error: expect.stringContaining('fault rule 0'),
    });
    expect((await post('{')).json).toEqual({ error: 'fault rules must be JSON' });
    expect(sim.faults.list()).toEqual([]);
    expect((await sim.get('/sim/nothing')).status).toBe(404);
  });
});

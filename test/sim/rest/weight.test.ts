import { afterEach, describe, expect, it } from 'vitest';
import { WeightLedger } from '../../../src/sim/rest/weight.js';
import type { SimOptions } from '../../../src/sim/server.js';
import { NOW, startTestSim, type TestSim } from '../../support/sim.js';

const MINUTE = 60_000;
let sim: TestSim | null = null;
afterEach(async () => {
  await sim?.stop();
  sim = null;
});

async function start(options: Partial<SimOptions>): Promise<TestSim> {
  sim = await startTestSim(options);
  return sim;
}

async function used(of: TestSim, path: string): Promise<number> {
  return Number((await of.get(path)).headers['x-mbx-used-weight-1m']);
}

describe('the weight of a request', () => {
  it('follows the documented brackets of limit, at every edge', async () => {
    const of = await start({});
    let before = 0;
    const brackets = [
      [1, 1],
      [99, 1],
      [100, 2],
      [499, 2],
      [500, 5],
      [1_000, 5],
      [1_001, 10],
      [1_500, 10],
    ] as const;
    for (const [limit, weight] of brackets) {
      const after = await used(of, `/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=${limit}`);
      expect([limit, after - before]).toEqual([limit, weight]);
      before = after;
    }
  });

  it('is 5 for klines without limit and is charged to refused requests too', async () => {
    const of = await start({});
    expect(await used(of, '/fapi/v1/klines?symbol=BTCUSDT&interval=5m')).toBe(5);
    expect(await used(of, '/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=1501')).toBe(15);
    expect(await used(of, '/fapi/v1/klines?symbol=NOPE&interval=5m&limit=10')).toBe(16);
  });

  it('is as documented for the other paths', async () => {
    const of = await start({});
    const costs = [
      ['ping', 1],
      ['time', 1],
      ['exchangeInfo', 1],
      ['ticker/24hr?symbol=BTCUSDT', 1],
      ['ticker/24hr', 40],
      ['ticker/price?symbol=BTCUSDT', 1],
      ['ticker/price', 2],
      ['ticker/bookTicker?symbol=BTCUSDT', 2],
      ['ticker/bookTicker', 5],
    ] as const;
    let before = 0;
    for (const [path, weight] of costs) {
      const after = await used(of, `/fapi/v1/${path}`);
      expect([path, after - before]).toEqual([path, weight]);
      before = after;
    }
  });

  it('is counted from zero in every UTC minute', async () => {
    const of = await start({});
    await used(of, '/fapi/v1/ticker/24hr');
    of.clock.jump(22_487);
    expect(await used(of, '/fapi/v1/ping')).toBe(41);
    of.clock.jump(1);
    expect(await used(of, '/fapi/v1/ping')).toBe(1);
    expect(of.stats().maxWeightPerMinute).toBe(41);
  });
});

describe('the limit', () => {
  const path = '/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=1500';

  it('is kept by 429 until the next minute, in the words of the exchange and without Retry-After', async () => {
    const of = await start({ weightLimit: 20 });
    expect((await of.get(path)).status).toBe(200);
    expect((await of.get(path)).status).toBe(200);
    const refused = await of.get(path);
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toBeUndefined();
    expect(refused.headers['x-mbx-used-weight-1m']).toBe('30');
    expect(refused.json).toEqual({
      code: -1003,
      msg: 'Too many requests; current limit is 20 requests per minute. Please use the websocket for live updates to avoid polling the API.',
    });
    of.clock.jump(MINUTE);
    expect((await of.get(path)).status).toBe(200);
    expect(of.stats()).toMatchObject({ overruns: 1, whileBanned: 0, maxWeightPerMinute: 30 });
  });

  it('says Retry-After in whole seconds when told to', async () => {
    const of = await start({ weightLimit: 9, retryAfter: true });
    expect((await of.get(path)).headers['retry-after']).toBe('23');
  });

  it('leads to a ban for who goes on, with the end in the text, and the ban ends', async () => {
    const of = await start({ weightLimit: 9 });
    for (let request = 0; request < 5; request++) expect((await of.get(path)).status).toBe(429);
    of.clock.jump(1_500);
    for (let request = 0; request < 9; request++) expect((await of.get(path)).status).toBe(429);
    const until = of.clock.now() + 2 * MINUTE;
    const banned = await of.get('/fapi/v1/ping');
    expect(banned.status).toBe(418);
    expect(banned.json).toEqual({
      code: -1003,
      msg: `Way too much request weight used; IP banned until ${until}. Please use the websocket for live updates to avoid bans.`,
    });
    of.clock.jump(2 * MINUTE - 1);
    expect((await of.get('/fapi/v1/ping')).status).toBe(418);
    of.clock.jump(1);
    expect((await of.get('/fapi/v1/ping')).status).toBe(200);
    expect(of.stats().whileBanned).toBe(2);
  });
});

describe('WeightLedger', () => {
  const refuse = (ledger: WeightLedger, times: number, now: number) => {
    let last = ledger.charge('a', 5, now);
    for (let time = 1; time < times; time++) last = ledger.charge('a', 5, now);
    return last;
  };

  it('forgives what was in flight at the first refusal', () => {
    const ledger = new WeightLedger({ limit: 4, bans: true });
    expect(refuse(ledger, 500, NOW).kind).toBe('limited');
  });

  it('doubles the ban of who goes on while banned', () => {
    const ledger = new WeightLedger({ limit: 4, bans: true });
    refuse(ledger, 1, NOW);
    expect(refuse(ledger, 10, NOW + 2_000)).toMatchObject({ kind: 'banned', until: NOW + 2_000 + 2 * MINUTE });
    expect(refuse(ledger, 10, NOW + 4_000)).toMatchObject({ kind: 'banned', until: NOW + 4_000 + 4 * MINUTE });
  });

  it('never bans when bans are off', () => {
    const ledger = new WeightLedger({ limit: 4, bans: false });
    refuse(ledger, 1, NOW);
    expect(refuse(ledger, 500, NOW + 5_000).kind).toBe('limited');
  });

  it('keeps a counter per address', () => {
    const ledger = new WeightLedger({ limit: 4, bans: true });
    expect(ledger.charge('a', 5, NOW).kind).toBe('limited');
    expect(ledger.charge('b', 4, NOW)).toEqual({ kind: 'served', used: 4 });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOW, startTestSim, type TestSim, type WireRow } from '../../support/sim.js';

const MINUTE = 60_000;
let sim: TestSim;
beforeAll(async () => {
  sim = await startTestSim({ weightLimit: 1_000_000 });
});
afterAll(() => sim.stop());

async function klines(query: string): Promise<WireRow[]> {
  const reply = await sim.get(`/fapi/v1/klines?${query}`);
  expect(reply.status).toBe(200);
  return reply.json as WireRow[];
}

const times = (rows: WireRow[]) => rows.map(([time]) => time);

describe('klines', () => {
  it('without a range are the newest, the last one still forming', async () => {
    const rows = await klines('symbol=BTCUSDT&interval=5m&limit=4');
    expect(times(rows)).toEqual([15, 10, 5, 0].map((back) => Date.UTC(2026, 2, 18, 14, 20) - back * MINUTE));
    expect(rows.at(-1)?.[6]).toBeGreaterThan(NOW);
    expect(rows.at(-2)?.[6]).toBeLessThan(NOW);
  });

  it('default to 500', async () => {
    expect((await klines('symbol=BTCUSDT&interval=5m')).length).toBe(500);
  });

  it('with a start go forward from the first candle that opens at or after it', async () => {
    const start = Date.UTC(2026, 2, 18, 10, 0);
    expect(times(await klines(`symbol=BTCUSDT&interval=15m&limit=2&startTime=${start}`))).toEqual([
      start,
      start + 15 * MINUTE,
    ]);
    expect(times(await klines(`symbol=BTCUSDT&interval=15m&limit=1&startTime=${start + 1}`))).toEqual([
      start + 15 * MINUTE,
    ]);
  });

  it('with an end are the newest up to the candle that holds it', async () => {
    const end = Date.UTC(2026, 2, 18, 10, 0);
    expect(times(await klines(`symbol=BTCUSDT&interval=1h&limit=2&endTime=${end}`))).toEqual([end - 60 * MINUTE, end]);
    expect(times(await klines(`symbol=BTCUSDT&interval=1h&limit=1&endTime=${end - 1}`))).toEqual([end - 60 * MINUTE]);
  });

  it('with both are the oldest of the range', async () => {
    const start = Date.UTC(2026, 2, 18, 10, 0);
    const query = `symbol=BTCUSDT&interval=1h&startTime=${start}&endTime=${start + 180 * MINUTE}`;
    expect((await klines(query)).length).toBe(4);
    expect(times(await klines(`${query}&limit=2`))).toEqual([start, start + 60 * MINUTE]);
  });

  it('are empty for a range in the future and hold no candle of the future', async () => {
    expect(await klines(`symbol=BTCUSDT&interval=5m&startTime=${NOW + 10 * MINUTE}`)).toEqual([]);
    const rows = await klines(`symbol=BTCUSDT&interval=5m&limit=10&endTime=${NOW + 600 * MINUTE}`);
    expect(rows.at(-1)?.[0]).toBe(Date.UTC(2026, 2, 18, 14, 20));
  });

  it('take a symbol in lower case and in Chinese', async () => {
    const upper = await klines('symbol=BTCUSDT&interval=5m&limit=2');
    expect(await klines('symbol=btcusdt&interval=5m&limit=2')).toEqual(upper);
    expect((await klines(`symbol=${encodeURIComponent('币安人生USDT')}&interval=5m&limit=2`)).length).toBe(2);
  });

  it('are the same through gzip, on the first and on a repeated request', async () => {
    for (const limit of [1, 2, 3, 99, 500]) {
      const path = `/fapi/v1/klines?symbol=ETHUSDT&interval=15m&limit=${limit}`;
      const plain = await sim.get(path);
      expect(plain.headers['content-encoding']).toBeUndefined();
      for (let time = 0; time < 2; time++) {
        const packed = await sim.get(path, { 'Accept-Encoding': 'gzip, deflate' });
        expect(packed.headers['content-encoding']).toBe(limit === 1 ? undefined : 'gzip');
        expect(packed.text).toBe(plain.text);
        expect(packed.headers['content-length']).toBe(String(packed.bytes.length));
      }
    }
  });

  it('of the continuous contract are those of the perpetual and of the quarterlies', async () => {
    const query = 'pair=BTCUSDT&interval=5m&limit=3&contractType=';
    const perpetual = await sim.get(`/fapi/v1/continuousKlines?${query}PERPETUAL`);
    expect(perpetual.text).toBe((await sim.get('/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=3')).text);
    const quarter = await sim.get(`/fapi/v1/continuousKlines?${query}CURRENT_QUARTER`);
    expect(quarter.text).toBe((await sim.get('/fapi/v1/klines?symbol=BTCUSDT_260327&interval=5m&limit=3')).text);
  });
});

describe('a bad request', () => {
  const cases: [query: string, code: number, message: string | RegExp][] = [
    ['interval=5m', -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."],
    ['symbol=&interval=5m', -1102, /symbol/],
    ['symbol=BTCUSDT', -1102, /interval/],
    ['symbol=NOPEUSDT&interval=5m', -1121, 'Invalid symbol.'],
    ['symbol=BTC%20USDT&interval=5m', -1100, /^Illegal characters found in parameter 'symbol'; legal range is '/],
    ['symbol=%E5%B8&interval=5m', -1100, /symbol/],
    ['symbol=BTCUSDT&interval=1s', -1120, 'Invalid interval.'],
    ['symbol=BTCUSDT&interval=1H', -1120, 'Invalid interval.'],
    ['symbol=BTCUSDT&interval=5m&limit=1501', -1130, "Data sent for parameter 'limit' is not valid."],
    ['symbol=BTCUSDT&interval=5m&limit=0', -1130, /limit/],
    ['symbol=BTCUSDT&interval=5m&limit=-5', -1100, /limit/],
    ['symbol=BTCUSDT&interval=5m&limit=ten', -1100, /limit/],
    ['symbol=BTCUSDT&interval=5m&startTime=12x', -1100, /startTime/],
    ['symbol=BTCUSDT&interval=5m&startTime=20&endTime=10', -1023, /[Ss]tart/],
    ['symbol=BTCUSDT&symbol=ETHUSDT&interval=5m', -1101, /Too many parameters/],
  ];
  for (const [query, code, message] of cases) {
    it(`is refused with ${code}: ${query}`, async () => {
      const reply = await sim.get(`/fapi/v1/klines?${query}`);
      expect(reply.status).toBe(400);
      expect(reply.json).toEqual({ code, msg: typeof message === 'string' ? message : expect.stringMatching(message) });
      expect(Number(reply.headers['x-mbx-used-weight-1m'])).toBeGreaterThan(0);
    });
  }

  it('to an unknown pair, path or method is refused', async () => {
    const pair = await sim.get('/fapi/v1/continuousKlines?pair=NOPE&contractType=PERPETUAL&interval=5m');
    expect(pair.json).toMatchObject({ code: -4144 });
    const path = await sim.get('/fapi/v9/klines');
    expect([path.status, path.json]).toEqual([
      404,
      { code: -5000, msg: 'Path /fapi/v9/klines, Method GET is invalid' },
    ]);
  });
});

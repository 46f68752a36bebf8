import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOW, startTestSim, type TestSim } from '../../support/sim.js';

const dir = process.env['CANDLESCAN_TEST_DATA'];

/** Names and JSON types, in the order of the reply for arrays, by name for objects; decimals are told from other texts. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (value === null) return 'null';
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shapeOf(field)]));
  }
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? 'decimal' : typeof value;
}

interface Info {
  readonly serverTime: number;
  readonly symbols: readonly Record<string, unknown>[];
  readonly rateLimits: unknown;
}

describe.skipIf(!dir)(
  'a reply has the names and types of the recorded one (skipped without CANDLESCAN_TEST_DATA)',
  () => {
    const recorded = (name: string): unknown =>
      JSON.parse(readFileSync(join(dir ?? '', 'recorded/polyoxide', name), 'utf8'));
    let sim: TestSim;
    beforeAll(async () => {
      sim = await startTestSim();
    });
    afterAll(() => sim.stop());
    const served = async (path: string) => (await sim.get(`/fapi/v1/${path}`)).json;

    it('time', async () => {
      expect(shapeOf(await served('time'))).toEqual(shapeOf(recorded('time.json')));
      expect(await served('time')).toEqual({ serverTime: NOW });
    });

    it('klines', async () => {
      expect(shapeOf(await served('klines?symbol=BTCUSDT&interval=1m&limit=2'))).toEqual(
        shapeOf(recorded('klines_btcusdt_1m_limit2.json')),
      );
    });

    it('ticker/24hr, one and all', async () => {
      const [row] = recorded('ticker_24hr.json') as unknown[];
      expect(shapeOf(await served('ticker/24hr?symbol=ETHUSDT'))).toEqual(shapeOf(row));
      for (const each of (await served('ticker/24hr')) as unknown[]) expect(shapeOf(each)).toEqual(shapeOf(row));
    });

    it('exchangeInfo: the top, the rate limits, every symbol and its filters', async () => {
      const ours = (await served('exchangeInfo')) as Info;
      const theirs = recorded('exchange_info.json') as Info;
      expect(Object.keys(ours)).toEqual(Object.keys(theirs));
      expect(ours.rateLimits).toEqual(theirs.rateLimits);
      const listsAside = ({
        underlyingSubType,
        orderTypes,
        timeInForce,
        permissionSets,
        ...row
      }: Record<string, unknown>) => {
        for (const list of [underlyingSubType, orderTypes, timeInForce, permissionSets])
          expect(list).toBeInstanceOf(Array);
        return shapeOf(row);
      };
      const [model] = theirs.symbols;
      for (const row of ours.symbols) expect(listsAside(row)).toEqual(listsAside(model ?? {}));
    });

    it('exchangeInfo holds every kind of symbol that was recorded', async () => {
      const kinds = (info: Info) => new Set(info.symbols.map((row) => [row['contractType'], row['status']].join(' ')));
      const ours = kinds((await served('exchangeInfo')) as Info);
      for (const kind of kinds(recorded('exchange_info.json') as Info)) expect(ours).toContain(kind);
    });
  },
);

describe('exchangeInfo', () => {
  it('tells a server time that is hours old, and a weight limit that is kept', async () => {
    const sim = await startTestSim({ weightLimit: 777 });
    const info = (await sim.get('/fapi/v1/exchangeInfo', { 'Accept-Encoding': 'gzip' })).json as Info;
    await sim.stop();
    expect(NOW - info.serverTime).toBeGreaterThan(3_600_000);
    expect(info.rateLimits).toContainEqual({
      rateLimitType: 'REQUEST_WEIGHT',
      interval: 'MINUTE',
      intervalNum: 1,
      limit: 777,
    });
  });
});

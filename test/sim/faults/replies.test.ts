import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FaultRuleInput } from '../../../src/sim/faults/rule.js';
import { NOW, startTestSim, type TestSim, type WireRow } from '../../support/sim.js';

const PATH = '/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=10';
let sim: TestSim;
let regular: WireRow[];
beforeAll(async () => {
  sim = await startTestSim();
  regular = (await sim.get(PATH)).json as WireRow[];
});
afterEach(() => sim.faults.clear());
afterAll(() => sim.stop());

async function struck(action: FaultRuleInput['action']) {
  sim.faults.add({ path: 'klines', action });
  return sim.get(PATH, { 'Accept-Encoding': 'gzip' });
}

describe('a reply in place of the regular one', () => {
  it('is any status with body and headers', async () => {
    const reply = await struck({ type: 'status', status: 504, body: 'Gateway', headers: { 'X-Cache': 'Error' } });
    expect([reply.status, reply.text, reply.headers['x-cache']]).toEqual([504, 'Gateway', 'Error']);
    sim.faults.clear();
    const bytes = await struck({
      type: 'status',
      status: 200,
      bodyBase64: Buffer.from([0xef, 0xbb, 0xbf, 0xff]).toString('base64'),
    });
    expect(bytes.bytes).toEqual(Buffer.from([0xef, 0xbb, 0xbf, 0xff]));
  });

  it('is 429 with the Retry-After that was asked for, also nonsense, or none', async () => {
    for (const retryAfter of ['7', '0', '-1', '1000000000', 'NaN', new Date(NOW).toUTCString()]) {
      const reply = await struck({ type: 'limited', retryAfter });
      expect([reply.status, reply.headers['retry-after']]).toEqual([429, retryAfter]);
      sim.faults.clear();
    }
    const bare = await struck({ type: 'limited' });
    expect(bare.headers['retry-after']).toBeUndefined();
    expect(bare.json).toMatchObject({ code: -1003 });
  });

  it('is 418 with the end of the ban', async () => {
    const reply = await struck({ type: 'banned', forMs: 90_000 });
    expect(reply.status).toBe(418);
    expect(reply.text).toContain(`banned until ${NOW + 90_000}.`);
  });

  it('is 503 in each of its variants', async () => {
    const texts = new Set<string>();
    for (const variant of ['unknown', 'service', 'internal', 'throttled', 'maintenance'] as const) {
      const reply = await struck({ type: 'unavailable', variant });
      expect(reply.status).toBe(503);
      expect(reply.json).toEqual({ code: expect.any(Number), msg: expect.any(String) });
      texts.add(reply.text);
      sim.faults.clear();
    }
    expect(texts.size).toBe(5);
  });

  it('is a web page with 403 or 200, or the empty challenge with 202', async () => {
    const forbidden = await struck({ type: 'forbidden' });
    expect([forbidden.status, forbidden.headers['content-type']]).toEqual([403, 'text/html']);
    sim.faults.clear();
    const page = await struck({ type: 'html' });
    expect([page.status, page.text.slice(0, 9)]).toEqual([200, '<!DOCTYPE']);
    sim.faults.clear();
    const challenge = await struck({ type: 'challenge' });
    expect([challenge.status, challenge.bytes.length, challenge.headers['x-amzn-waf-action']]).toEqual([
      202,
      0,
      'challenge',
    ]);
  });

  it('is 200 with any JSON, or with JSON that is nested too deep', async () => {
    for (const value of [{}, [], 'text', 5, null, { code: -1000, msg: 'An unknown error' }]) {
      const reply = await struck({ type: 'json', value });
      expect([reply.status, reply.json]).toEqual([200, value]);
      sim.faults.clear();
    }
    expect((await struck({ type: 'nested', depth: 10_000 })).text).toBe('['.repeat(10_000) + ']'.repeat(10_000));
  });

  it('says gzip and is none', async () => {
    const reply = await struck({ type: 'badGzip' });
    expect(reply.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(reply.bytes.toString())).toEqual(regular);
  });

  it('still costs its weight and still counts', async () => {
    const before = Number((await sim.get('/fapi/v1/ping')).headers['x-mbx-used-weight-1m']);
    expect(Number((await struck({ type: 'forbidden' })).headers['x-mbx-used-weight-1m'])).toBe(before + 1);
    expect(sim.stats().faulted).toBeGreaterThan(0);
  });
});

describe('changed rows', () => {
  const change = async (name: string, row?: number) =>
    (await struck({ type: 'rows', change: name as 'null', ...(row === undefined ? {} : { row }) })).json as WireRow[];

  it('lack the first, the last or a middle row', async () => {
    expect(await change('dropFirst')).toEqual(regular.slice(1));
    sim.faults.clear();
    expect(await change('dropLast')).toEqual(regular.slice(0, -1));
    sim.faults.clear();
    expect(await change('dropMiddle')).toEqual(regular.filter((_, index) => index !== 5));
    sim.faults.clear();
    expect(await change('dropMiddle', -2)).toEqual(regular.filter((_, index) => index !== 8));
  });

  it('come twice, backwards or shuffled', async () => {
    expect(await change('duplicate', 3)).toEqual([...regular.slice(0, 4), ...regular.slice(3)]);
    sim.faults.clear();
    expect(await change('reverse')).toEqual(regular.toReversed());
    sim.faults.clear();
    const shuffled = await change('shuffle');
    expect(shuffled).not.toEqual(regular);
    expect(shuffled.toSorted((a, b) => a[0] - b[0])).toEqual(regular);
  });

  it('have times off the grid, in the future, at the epoch or in microseconds', async () => {
    const times = async (name: string) => {
      const rows = await change(name);
      sim.faults.clear();
      return rows.map((row, index) => row[0] - (regular[index]?.[0] as number));
    };
    const only = (shift: number) => [0, 0, 0, 0, 0, shift, 0, 0, 0, 0];
    expect(await times('misalign')).toEqual(only(7_001));
    expect(await times('future')).toEqual(only(365 * 86_400_000));
    expect(await times('epoch')).toEqual(only(-(regular[5]?.[0] as number)));
    expect((await change('microseconds')).map(([time]) => time / 1_000)).toEqual(regular.map(([time]) => time));
  });

  it('have 11 or 13 columns, or are no rows at all', async () => {
    const middle = async (name: string) => {
      const rows = await change(name);
      sim.faults.clear();
      return rows[5];
    };
    expect(await middle('elevenColumns')).toEqual(regular[5]?.slice(0, 11));
    expect(await middle('thirteenColumns')).toEqual([...(regular[5] ?? []), '0']);
    expect(await middle('object')).toEqual(Object.fromEntries(Object.entries(regular[5] ?? [])));
    expect(await middle('null')).toBeNull();
  });

  it('contradict what was said before, or themselves', async () => {
    const revised = await change('revise', -2);
    expect(revised[8]?.[4]).not.toBe(regular[8]?.[4]);
    expect(revised.with(8, regular[8] as WireRow)).toEqual(regular);
    sim.faults.clear();
    const swapped = await change('swapHighLow');
    expect([swapped[5]?.[2], swapped[5]?.[3]]).toEqual([regular[5]?.[3], regular[5]?.[2]]);
  });

  it('have any value in a cell, also what is no JSON', async () => {
    for (const value of ['NaN', null, '-5', '0x10', '1e400', '', ' ', 1e308, [], {}]) {
      const rows = (await struck({ type: 'cell', row: 0, column: 3, value })).json as unknown[][];
      expect(rows[0]?.[3]).toEqual(value);
      sim.faults.clear();
    }
    const raw = await struck({ type: 'cell', row: -1, column: 4, raw: 'NaN' });
    expect(raw.text).toMatch(/,NaN,"[\d.]+",\d+,"[\d.]+",\d+,"[\d.]+","[\d.]+","0"\]\]$/);
  });

  it('leave replies alone that are no rows', async () => {
    sim.faults.add({ action: { type: 'rows', change: 'reverse' } });
    expect((await sim.get('/fapi/v1/time')).json).toEqual({ serverTime: NOW });
  });
});

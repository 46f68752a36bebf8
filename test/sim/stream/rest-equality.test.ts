import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { candleIndex, candleOpenTime, INTERVALS } from '../../../src/sim/market/interval.js';
import type { Listing } from '../../../src/sim/market/market.js';
import type { KlinePacing } from '../../../src/sim/stream/limits.js';
import type { WireRow } from '../../support/sim.js';
import { type StreamClient, type StreamRig, startRig, type WireKline } from '../../support/sim-stream.js';

const dataDir = process.env.CANDLESCAN_TEST_DATA;
const SYMBOLS = 8;
const MINUTE_MS = 60_000;

let rig: StreamRig;
let trading: Listing[];
async function start(pacing: Partial<KlinePacing> = {}): Promise<void> {
  rig = await startRig({ pacing });
  trading = rig.sim.market.listings.filter(({ status }) => status === 'TRADING').slice(0, SYMBOLS);
}
afterEach(() => rig.stop());

async function listen(intervals: readonly string[]): Promise<StreamClient> {
  const names = trading.flatMap(({ symbol }) =>
    intervals.map((interval) => `${symbol.toLowerCase()}@kline_${interval}`),
  );
  const client = await rig.open('/market/ws');
  await client.ask({ method: 'SUBSCRIBE', params: names, id: 1 });
  return client;
}

function rowOf({ k }: WireKline): WireRow {
  return [k.t, k.o, k.h, k.l, k.c, k.v, k.T, k.q, k.n, k.V, k.Q, k.B];
}

async function restRow(symbol: string, interval: string, openTime: number): Promise<WireRow | undefined> {
  const query = new URLSearchParams({ symbol, interval, startTime: String(openTime), limit: '1' });
  return ((await rig.sim.get(`/fapi/v1/klines?${query.toString()}`)).json as WireRow[])[0];
}

/** Rows of the candles that closed after `from`, by key. */
async function restRows(intervals: readonly string[], from: number): Promise<Map<string, WireRow>> {
  const rows = new Map<string, WireRow>();
  for (const { symbol } of trading) {
    for (const interval of intervals) {
      const query = new URLSearchParams({ symbol, interval, startTime: String(from - 60 * MINUTE_MS), limit: '150' });
      const page = (await rig.sim.get(`/fapi/v1/klines?${query.toString()}`)).json as WireRow[];
      for (const row of page) rows.set(`${symbol} ${interval} ${row[0]}`, row);
    }
  }
  return rows;
}

function keyOf({ s, k }: WireKline): string {
  return `${s} ${k.i} ${k.t}`;
}

describe('stream and REST of the embedded exchange', () => {
  it('show the same forming candle at the same moment, digit for digit, for every interval', async () => {
    await start();
    const client = await listen(INTERVALS);
    let compared = 0;
    await rig.clock.advance(50 - (rig.clock.now() % 50));
    for (let step = 0; step < 40; step++) {
      await rig.clock.advance(50);
      await client.sync();
      const now = rig.clock.now();
      for (const event of client.klines.filter(({ E }) => E === now)) {
        expect(rowOf(event)).toEqual(await restRow(event.s, event.k.i, event.k.t));
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(10);
  });

  it('agree on every closed candle, and no candle that traded is left out', async () => {
    // Few ticks: it is the candles that matter here, and an hour of them.
    await start({ updateMs: 2_500 });
    const client = await listen(['1m', '5m', '15m', '1h']);
    const from = rig.clock.now();
    await rig.clock.advance(60 * MINUTE_MS);
    await client.sync();
    const closed = client.klines.filter(({ k }) => k.x);
    const rest = await restRows(['1m', '5m', '15m', '1h'], from);
    for (const event of closed) expect(rowOf(event)).toEqual(rest.get(keyOf(event)));
    const seen = new Set(closed.map(keyOf));
    expect(seen.size).toBe(closed.length);
    expect(seen).toEqual(new Set(owed(from, rig.clock.now(), ['1m', '5m', '15m', '1h'])));
  });

  it('call a candle closed 0.2 to 2 s after its end', async () => {
    await start();
    const client = await listen(['1m']);
    await rig.clock.advance(6 * MINUTE_MS);
    await client.sync();
    const delays = client.klines.filter(({ k }) => k.x).map(({ E, k }) => E - k.T - 1);
    expect(delays.length).toBeGreaterThan(4 * SYMBOLS);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...delays)).toBeLessThanOrEqual(2_000);
  });

  it('let a forming candle only grow into its final one', async () => {
    await start();
    const client = await listen(['1m']);
    await rig.clock.advance(3 * MINUTE_MS);
    await client.sync();
    const last = new Map<string, WireKline['k']>();
    for (const { s, k } of client.klines) {
      const before = last.get(`${s} ${k.t}`);
      last.set(`${s} ${k.t}`, k);
      if (before === undefined) continue;
      expect([before.x, k.f, k.o]).toEqual([false, before.f, before.o]);
      expect(k.n).toBeGreaterThanOrEqual(before.n);
      expect(Number(k.v)).toBeGreaterThanOrEqual(Number(before.v));
      expect(Number(k.h)).toBeGreaterThanOrEqual(Number(before.h));
      expect(Number(k.l)).toBeLessThanOrEqual(Number(before.l));
    }
    expect(last.size).toBeGreaterThan(SYMBOLS);
  });

  it.skipIf(dataDir === undefined)(
    'use the keys and types of recorded frames (skipped without CANDLESCAN_TEST_DATA)',
    async () => {
      await start();
      const client = await listen(['1m']);
      await rig.clock.advance(2 * MINUTE_MS);
      await client.sync();
      const file = join(dataDir as string, 'recorded', 'manual_frames.jsonl');
      const lines = readFileSync(file, 'utf8').trim().split('\n');
      const recorded = lines.map((line) => JSON.parse(line) as { id: string; payload: { data: WireKline } });
      const closing = recorded.find(({ id }) => id === 'usdm_ws_kline_1m_closed_2026-10');
      const shape = (event: object): unknown =>
        Object.entries(event).map(([key, value]) => [
          key,
          typeof value === 'object' ? shape(value as object) : typeof value,
        ]);
      const event = client.klines.find(({ k }) => k.x) as WireKline;
      expect(shape(event)).toEqual(shape(closing?.payload.data ?? {}));
    },
  );
});

/** The candles that ended in time to be closed in [`from`, `to`) and had trades. */
function owed(from: number, to: number, intervals: readonly (typeof INTERVALS)[number][]): string[] {
  const { market } = rig.sim;
  const keys: string[] = [];
  for (const listing of trading) {
    for (const interval of intervals) {
      for (let index = candleIndex(interval, from); candleOpenTime(interval, index + 1) < to - 3_000; index++) {
        const openTime = candleOpenTime(interval, index);
        const kline = market.kline(listing, interval, openTime, to);
        if ((kline?.trades ?? 0) > 0) keys.push(`${listing.symbol} ${interval} ${openTime}`);
      }
    }
  }
  return keys;
}

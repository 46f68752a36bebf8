import pLimit from 'p-limit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { slotAt } from '../../src/domain/slot.js';
import { seededRandom } from '../../src/lib/random.js';
import { Releasers } from '../../src/lib/releasers.js';
import { Deepening } from '../../src/pipeline/deepening.js';
import { createBinanceClient } from '../../src/pipeline/exchange/binance.js';
import type { ExchangeClient } from '../../src/pipeline/exchange/contract.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { HistorySource } from '../../src/pipeline/history/history-source.js';
import { liquidityOrder } from '../../src/pipeline/priority.js';
import type { SeriesKey } from '../../src/pipeline/source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { rowsOf, sourcesOf } from '../support/deepening.js';
import { closedRows, NOW, startTestSim, type TestSim } from '../support/sim.js';
import { until } from '../support/stream-server.js';

const TIMEFRAMES = ['5m', '15m', '1h'] as const;
const LOOKBACK = 300;
const SLOT = slotAt(NOW, '5m');

let releasers: Releasers;
let sim: TestSim;
let client: ExchangeClient;
let governor: WeightGovernor;
let store: MemoryStore;
let symbols: string[];
let deepening: Deepening;
let errors: unknown[];

const keysOf = (some: readonly string[]): SeriesKey[] =>
  some.flatMap((symbol) => TIMEFRAMES.map((timeframe) => ({ symbol, timeframe })));

/** The exchange's own closed candles. */
const expected = ({ symbol, timeframe }: SeriesKey) =>
  closedRows(sim.market, symbol, timeframe, LOOKBACK, SLOT).map((row) => row.slice(0, 6).map(Number));

beforeEach(async () => {
  releasers = new Releasers();
  sim = await startTestSim({ weightLimit: 600 });
  releasers.push(() => sim.stop());
  const { clock, restUrl } = sim;
  const random = seededRandom(5);
  governor = new WeightGovernor({ clock, random, weightLimit: 600 });
  releasers.push(() => governor.stop());
  client = await createBinanceClient({ restUrl, requestTimeoutMs: 10_000, window: 16, governor, clock, random });
  releasers.push(() => client.close());
  store = new MemoryStore();
  errors = [];
  deepening = new Deepening({
    client,
    store,
    governor,
    reserveWeight: () => 100,
    clock,
    random,
    onError: (error) => errors.push(error),
  });
  releasers.push(() => deepening.stop());
  deepening.start();
  symbols = sim.market.listings
    .filter((row) => row.status === 'TRADING' && row.contractType === 'PERPETUAL' && row.quoteAsset === 'USDT')
    .map(({ symbol }) => symbol);
});

afterEach(async () => {
  await releasers.release();
  expect(errors).toEqual([]);
  expect(sim.clock.pendingTimers).toBe(0);
});

/** Lets time pass, a second at a time, until nothing is due. */
async function finished(): Promise<number> {
  for (let seconds = 0; ; seconds++) {
    await until(() => deepening.stats().inFlight === 0);
    if (deepening.stats().due === 0) return seconds;
    await sim.clock.advance(1_000);
  }
}

describe('deepening on the embedded exchange', () => {
  it("brings a market from its first look to the exchange's own history within half of the budget", async () => {
    const keys = keysOf(symbols);
    const history = new HistorySource({ client, store, window: pLimit(16), lookback: LOOKBACK, firstLook: 99 });
    await history.fill(keys, SLOT, new AbortController().signal);
    const firstLooks = new Map(keys.map((key) => [key, store.get(key)?.length ?? 0]));
    const ordered = liquidityOrder(symbols, store, '5m');
    expect(ordered.toSorted()).toEqual(symbols.toSorted());
    deepening.request(keysOf(ordered));
    const seconds = await finished();

    for (const key of keys) expect(rowsOf(store.get(key))).toEqual(expected(key));
    const [key] = keys as [SeriesKey];
    expect(sourcesOf(store.get(key))).toEqual([['history', LOOKBACK]]);
    const deep = keys.filter((one) => (firstLooks.get(one) ?? 0) >= 99);
    const young = deep.filter((one) => (store.get(one)?.length ?? 0) < LOOKBACK).length;
    expect(deepening.stats()).toMatchObject({ done: deep.length - young, failed: 0, revised: 0, due: 0 });
    expect(deepening.stats().requests).toBe(keys.length);
    expect(client.stats()).toMatchObject({ failed: 0, retried: 0, throttled: 0 });
    expect(sim.stats().maxWeightPerMinute).toBeLessThanOrEqual(240);
    expect(seconds).toBeLessThanOrEqual(60);
  });

  it('X14: drops a symbol that is delisted meanwhile, with one request', async () => {
    const [gone, stays] = symbols as [string, string];
    const history = new HistorySource({ client, store, window: pLimit(16), lookback: LOOKBACK, firstLook: 99 });
    await history.fill(keysOf([gone, stays]), SLOT, new AbortController().signal);
    const before = client.stats().total;
    sim.setStatus(gone, null);
    deepening.pause();
    deepening.request([{ symbol: gone, timeframe: '5m' }, ...keysOf([stays])]);
    deepening.resume();
    await finished();
    expect(deepening.stats()).toMatchObject({ done: 3, failed: 1 });
    expect(client.stats().total - before).toBe(4);
    expect(client.stats().retried).toBe(0);
  });
});

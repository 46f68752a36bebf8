import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { afterEach, describe, expect, it } from 'vitest';
import { SegmentStore } from '../../src/cache/l2.js';
import { CandleCache } from '../../src/cache/tiers.js';
import { columnsOf } from '../../src/domain/series.js';
import type { Timeframe } from '../../src/domain/timeframe.js';
import { seededRandom } from '../../src/lib/random.js';
import { Releasers } from '../../src/lib/releasers.js';
import { createBinanceClient } from '../../src/pipeline/exchange/binance.js';
import { LiveCandles } from '../../src/pipeline/live/live-candles.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { createStreamSource } from '../../src/pipeline/stream/stream-source.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { type Sim, startSim } from '../../src/sim/server.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { WitnessGovernor } from '../support/live-outage.js';
import { closedRows } from '../support/sim.js';
import { FakeExchange } from '../support/stream-server-fake.js';

const TIMEFRAMES = ['5m', '15m', '30m', '1h', '2h', '4h'] as const satisfies readonly Timeframe[];
const SYMBOLS = 530;
const MINUTE_MS = 60_000;
const WEIGHT_LIMIT = 2_400;
const SHARE = 0.6;
const SETTLE_MS = 2_500;
/** Every timeframe closes a candle here. */
const NOON = Date.UTC(2026, 2, 18, 12);

let releasers = new Releasers();
afterEach(async () => {
  await releasers.release();
  releasers = new Releasers();
});

/** Time stands still while a request is on the wire, so that only the exchange's budget makes anybody wait. */
class StandingClock extends FakeClock {
  constructor(startMs: number) {
    super(startMs, () => this.governor?.quiet() ?? settled());
  }

  governor: WitnessGovernor | null = null;
}

/** Starts as the daemon does, with what an earlier life left in `dir`, and brings the market to the slot. */
async function start(sim: Sim, clock: StandingClock, dir: string, slot: number) {
  const parts = new Releasers();
  releasers.push(() => parts.release());
  const random = seededRandom(1);
  const governor = new WitnessGovernor({ clock, random, share: SHARE });
  clock.governor = governor;
  parts.push(() => governor.stop());
  const client = await createBinanceClient({
    restUrl: sim.restUrl,
    requestTimeoutMs: 10_000,
    window: 64,
    governor,
    clock,
    random,
  });
  parts.push(() => client.close());
  const { instruments } = await waitFor(clock, client.exchangeInfo({ lane: 'urgent' }));
  const symbols = instruments
    .filter(({ status, contractType, quoteAsset }) => `${status} ${contractType} ${quoteAsset}` === TRADED)
    .map(({ symbol }) => symbol);
  const l2 = await SegmentStore.open({ dir, maxBytes: 512 * 1024 * 1024, clock });
  const cache = new CandleCache({
    exchange: 'sim',
    lookback: 120,
    l1MaxBytes: 256 * 1024 * 1024,
    store: l2,
    flushEveryMs: 60 * MINUTE_MS,
    clock,
  });
  parts.push(() => cache.stop());
  await cache.load(symbols.flatMap((symbol) => TIMEFRAMES.map((timeframe) => ({ symbol, timeframe }))));
  const store = {
    get: ({ symbol, timeframe }: { symbol: string; timeframe: Timeframe }) =>
      cache.peek(symbol, timeframe) ?? undefined,
    set: cache.put.bind(cache),
  };
  const live = new LiveCandles({
    store,
    client,
    openStream: (wanted, timeframe, handlers) =>
      createStreamSource({
        url: sim.streamUrl,
        symbols: wanted,
        timeframe,
        streamsPerConnection: 200,
        clock,
        random,
        handlers,
        connect: new FakeExchange().connect,
      }),
    symbols,
    timeframes: TIMEFRAMES,
    derive: true,
    settleMs: SETTLE_MS,
    lookback: 120,
    firstLook: 99,
    window: pLimit(64),
    clock,
    exchangeNow: () => governor.exchangeNow(),
    random,
  });
  parts.push(() => live.stop());
  const pipeline = new Pipeline({ store, sources: live.sources, timeframes: TIMEFRAMES, clock });
  const startedAt = clock.now();
  const acquired = await waitFor(clock, pipeline.acquire(symbols, slot, new AbortController().signal));
  const tookMs = clock.now() - startedAt;
  await parts.release();
  return { ...acquired, symbols, tookMs, requests: client.stats() };
}

const TRADED = 'TRADING PERPETUAL USDT';

async function waitFor<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  const state = { isDone: false };
  const done = promise.finally(() => {
    state.isDone = true;
  });
  done.catch(() => {});
  for (await settled(); !state.isDone; ) await clock.advance(100);
  return await done;
}

describe('X16: 530 symbols in 6 timeframes on the exchange that bans', () => {
  it('X16: come in 5 minutes with nothing held and 60 % of the weight, and for 530 after a restart', async ({
    annotate,
  }) => {
    const dir = mkdtempSync(join(tmpdir(), 'candlescan-cold-'));
    releasers.push(() => rmSync(dir, { recursive: true, force: true }));
    const clock = new StandingClock(NOON + SETTLE_MS + 500);
    const market = seededMarket({ symbols: SYMBOLS, seed: 7, now: clock.now() });
    const sim = await startSim({ market, clock, random: seededRandom(2), weightLimit: WEIGHT_LIMIT });
    releasers.push(() => sim.stop());

    const cold = await start(sim, clock, dir, NOON);
    expect(cold.symbols).toHaveLength(SYMBOLS);
    expect(cold.skipped.filter(({ reason }) => reason !== 'warmup')).toEqual([]);
    expect(cold.windows.length + cold.skipped.length).toBe(SYMBOLS * TIMEFRAMES.length);
    expect(cold.requests).toMatchObject({ failed: 0, retried: 0, throttled: 0 });
    expect(cold.tookMs).toBeLessThanOrEqual(5 * MINUTE_MS);
    const { overruns, whileBanned, maxWeightPerMinute, total } = sim.stats();
    expect({ overruns, whileBanned }).toEqual({ overruns: 0, whileBanned: 0 });
    expect(maxWeightPerMinute).toBeLessThanOrEqual(SHARE * WEIGHT_LIMIT);
    await annotate(`cold: ${total} requests, at most ${maxWeightPerMinute} a minute, in ${cold.tookMs / 1_000} s`);

    // A later slot at which nothing but the base timeframe closed, and one at which all did.
    let before = sim.stats().total;
    for (const slot of [NOON + 5 * MINUTE_MS, NOON + 240 * MINUTE_MS]) {
      await clock.advance(slot + SETTLE_MS + 500 - clock.now());
      const warm = await start(sim, clock, dir, slot);
      expect(warm.skipped.filter(({ reason }) => reason !== 'warmup')).toEqual([]);
      expect(warm.requests).toMatchObject({ failed: 0, retried: 0, throttled: 0 });
      // One more is the list of markets.
      expect(warm.requests.weight).toBeLessThanOrEqual(SYMBOLS + 1);
      await annotate(`warm: ${sim.stats().total - before} requests, weight ${warm.requests.weight}, ${warm.tookMs} ms`);
      before = sim.stats().total;
      for (const window of warm.windows.filter((_, index) => index % 29 === 0)) {
        const { symbol, timeframe, length } = window;
        const { openTime, open, high, low, close, volume } = columnsOf(window);
        const newest = [openTime, open, high, low, close, volume].map((column) => column[length - 1]);
        expect(newest, `${symbol} ${timeframe}`).toEqual(
          closedRows(market, symbol, timeframe, 1, slot)[0]?.slice(0, 6).map(Number),
        );
      }
    }
  }, 600_000);
});

import { beforeEach, describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/sim/stream/frame.js';
import { KlineFeed } from '../../../src/sim/stream/kline-feed.js';
import { EXCHANGE_PACING, type KlinePacing } from '../../../src/sim/stream/limits.js';
import { FakeClock } from '../../support/fake-clock.js';
import { ToldMarket, type WireKline } from '../../support/sim-stream.js';

/** A full minute, and the first of an hour and a day. */
const OPEN = Date.UTC(2026, 2, 18);
const MINUTE_MS = 60_000;

let clock: FakeClock;
let market: ToldMarket;
let told: { name: string; event: WireKline }[];
beforeEach(() => {
  clock = new FakeClock(OPEN);
  market = new ToldMarket();
  told = [];
});

function feedOf(pacing: Partial<KlinePacing> = {}): KlineFeed<string> {
  return new KlineFeed<string>({
    market,
    clock,
    pacing: { ...EXCHANGE_PACING, ...pacing },
    deliver: (frame: Frame, names) => {
      for (const name of names) told.push({ name, event: JSON.parse(frame.bytes(false).toString()) as WireKline });
    },
    batch: (tick) => tick(),
  });
}

/** Times at which candles were called closed, after `OPEN`, with the candle's open. */
const closings = () => told.filter(({ event }) => event.k.x).map(({ event }) => [event.E - OPEN, event.k.t - OPEN]);
const updates = () => told.filter(({ event }) => !event.k.x).map(({ event }) => [event.E - OPEN, event.k.n]);

describe('updates of a kline stream', () => {
  it('come only after trades, at most one in 250 ms', async () => {
    market.trades.push(...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenth) => OPEN + 10_000 + tenth * 100), OPEN + 40_000);
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(59_000);
    const times = updates().map(([time]) => time as number);
    expect(updates().map(([, trades]) => trades)).toEqual([...new Set(updates().map(([, trades]) => trades))]);
    expect(times.at(-1)).toBeLessThanOrEqual(40_250);
    expect(updates().at(-1)?.[1]).toBe(11);
    for (const [index, time] of times.slice(1).entries())
      expect(time - (times[index] as number)).toBeGreaterThanOrEqual(250);
  });

  it('do not tell of trades made before anybody listened', async () => {
    market.trades.push(OPEN + 1_000);
    await clock.advance(30_000);
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(20_000);
    expect(told).toEqual([]);
  });

  it('come at every update for load tests', async () => {
    feedOf({ everyUpdate: true }).subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(10_000);
    expect(updates().length).toBe(40);
  });

  it('keep their pace when asked for more of them', async () => {
    feedOf({ everyUpdate: true, updateMs: 100 }).subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(10_000);
    expect(updates().length).toBe(100);
  });

  it('are told to everybody who subscribed, and not after unsubscribing', async () => {
    market.trades.push(OPEN + 1_000, OPEN + 2_000);
    const feed = feedOf();
    for (const name of ['one', 'two']) feed.subscribe('btcusdt@kline_1m', name);
    await clock.advance(1_500);
    feed.unsubscribe('btcusdt@kline_1m', 'one');
    await clock.advance(1_500);
    expect(told.map(({ name }) => name)).toEqual(['one', 'two', 'two']);
    feed.unsubscribe('btcusdt@kline_1m', 'two');
    expect(feed.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('reach every stream once when the clock jumps over many ticks', async () => {
    const feed = feedOf({ everyUpdate: true });
    for (const interval of ['1m', '3m', '5m', '15m', '30m']) feed.subscribe(`btcusdt@kline_${interval}`, 'one');
    await clock.advance(1_000);
    told = [];
    clock.jump(20_000);
    await clock.advance(50);
    expect(told.map(({ event }) => event.k.i).sort()).toEqual(['15m', '1m', '30m', '3m', '5m']);
  });
});

describe('the close of a candle', () => {
  it('comes with the first trade of the next candle', async () => {
    market.trades.push(OPEN + 30_000, OPEN + MINUTE_MS + 700);
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(MINUTE_MS + 3_000);
    const [[time, openTime]] = closings() as [[number, number]];
    expect(openTime).toBe(0);
    expect(time).toBeGreaterThanOrEqual(MINUTE_MS + 700);
    expect(time).toBeLessThanOrEqual(MINUTE_MS + 950);
  });

  it('comes two seconds after the end when nobody trades', async () => {
    market.trades.push(OPEN + 30_000);
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(2 * MINUTE_MS);
    expect(closings()).toEqual([[MINUTE_MS + 2_000, 0]]);
  });

  it('never comes within the first 200 ms', async () => {
    market.trades.push(OPEN + 30_000, OPEN + MINUTE_MS);
    feedOf({ updateMs: 50 }).subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(MINUTE_MS + 1_000);
    const [[time]] = closings() as [[number, number]];
    expect(time).toBeGreaterThanOrEqual(MINUTE_MS + 200);
    expect(time).toBeLessThanOrEqual(MINUTE_MS + 250);
  });

  it('comes once and before anything of the next candle', async () => {
    market.trades.push(...Array.from({ length: 300 }, (_, index) => OPEN + index * 1_000));
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(5 * MINUTE_MS - 1);
    expect(closings().map(([, openTime]) => openTime)).toEqual([0, 1, 2, 3].map((minute) => minute * MINUTE_MS));
    const opens = told.map(({ event }) => event.k.t);
    expect(opens).toEqual([...opens].sort((a, b) => a - b));
    for (const { event } of told.filter(({ event }) => event.k.x)) expect(event.k.n).toBe(60);
  });

  it('is silent for a candle without trades', async () => {
    market.trades.push(OPEN + 30_000, OPEN + 3 * MINUTE_MS + 30_000);
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(5 * MINUTE_MS);
    expect(closings().map(([, openTime]) => openTime)).toEqual([0, 3 * MINUTE_MS]);
    expect(new Set(told.map(({ event }) => event.k.t - OPEN))).toEqual(new Set([0, 3 * MINUTE_MS]));
  });

  it('comes on the timer for a candle without trades when that is switched on', async () => {
    await clock.advance(10_000);
    feedOf({ closeEmptyCandles: true }).subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(2 * MINUTE_MS);
    expect(closings()).toEqual([
      [MINUTE_MS + 2_000, 0],
      [2 * MINUTE_MS + 2_000, MINUTE_MS],
    ]);
    expect(told[0]?.event.k).toMatchObject({ n: 0, f: -1, L: -1, v: '0' });
  });

  it('is told to who subscribes between the end and the close', async () => {
    market.trades.push(OPEN + 30_000);
    await clock.advance(MINUTE_MS + 1_000);
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(MINUTE_MS);
    expect(closings()).toEqual([[MINUTE_MS + 2_000, 0]]);
  });

  it('is not told to who subscribes after the close', async () => {
    market.trades.push(OPEN + 30_000, OPEN + MINUTE_MS + 300);
    await clock.advance(MINUTE_MS + 1_000);
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(30_000);
    expect(told).toEqual([]);
  });

  it('comes for every interval that ends', async () => {
    market.trades.push(...Array.from({ length: 121 }, (_, index) => OPEN + index * 30_000));
    const feed = feedOf();
    for (const interval of ['1m', '5m', '15m', '1h', '1d']) feed.subscribe(`btcusdt@kline_${interval}`, 'one');
    await clock.advance(60 * MINUTE_MS + 3_000);
    const count = (interval: string) => told.filter(({ event }) => event.k.x && event.k.i === interval).length;
    expect(['1m', '5m', '15m', '1h', '1d'].map(count)).toEqual([60, 12, 4, 1, 0]);
  });

  it('passes over what a clock that jumped far ahead left out', async () => {
    market.trades.push(OPEN + 1_000);
    feedOf().subscribe('btcusdt@kline_1m', 'one');
    await clock.advance(10_000);
    clock.jump(60 * MINUTE_MS);
    await clock.advance(MINUTE_MS);
    expect(closings().map(([, openTime]) => openTime)).toEqual([0]);
  });
});

describe('trade ids', () => {
  it('follow each other from candle to candle and agree between intervals', async () => {
    market.trades.push(...Array.from({ length: 200 }, (_, index) => OPEN + index * 3_000));
    const feed = feedOf();
    for (const interval of ['1m', '5m', '3d']) feed.subscribe(`btcusdt@kline_${interval}`, 'one');
    await clock.advance(5 * MINUTE_MS + 3_000);
    const closed = told.filter(({ event }) => event.k.x && event.k.i === '1m').map(({ event }) => event.k);
    for (const [index, kline] of closed.entries()) {
      expect(kline.L - kline.f + 1).toBe(kline.n);
      if (index > 0) expect(kline.f).toBe((closed[index - 1]?.L as number) + 1);
    }
    const five = told.find(({ event }) => event.k.x && event.k.i === '5m')?.event.k;
    expect([five?.f, five?.L]).toEqual([closed[0]?.f, closed[4]?.L]);
    const long = told.filter(({ event }) => event.k.i === '3d').map(({ event }) => event.k);
    expect(long.length).toBeGreaterThan(0);
    for (const kline of long) expect(kline.L - kline.f + 1).toBeGreaterThanOrEqual(kline.n);
  });
});

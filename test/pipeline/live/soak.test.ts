import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../../src/domain/series.js';
import { Market, Rig, TIMEFRAMES } from '../../support/live.js';
import { Weather } from '../../support/live-weather.js';
import { MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';

const SEEDS = Number(process.env.CANDLESCAN_TEST_SEEDS ?? 4);
const FIRST_SEED = Number(process.env.CANDLESCAN_TEST_SEED ?? 1);
/** 500 minutes; the last candles are fair, so that the last cycle can bring everything. */
const SLOTS = 100;
const FAIR_SLOTS = 3;
const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'];
const SETTLED_MS = 60_000;

interface Run {
  /** The columns of every series, byte by byte. */
  readonly bytes: ReadonlyMap<string, string>;
  readonly asked: number;
  readonly closed: Readonly<Record<'flag' | 'later' | 'rest', number>>;
  readonly gaps: Readonly<Record<'repaired' | 'unrepaired', number>>;
  readonly reconnects: number;
  readonly incomplete: number;
}

async function run(seed: number, foul: boolean): Promise<Run> {
  const rig = new Rig({ market: new Market(SYMBOLS, SLOTS + 1, 0.1, seed), seed, streamsPerConnection: 2 });
  const weather = new Weather(rig, seed);
  await rig.cycle(MIDNIGHT);
  rig.live.start();
  if (foul) weather.turnFoul();
  let incomplete = 0;
  weather.candle(MIDNIGHT);
  for (let step = 1; step <= SLOTS; step++) {
    const slot = MIDNIGHT + step * STEP_MS;
    await rig.clock.advance(slot - rig.clock.now());
    if (step === SLOTS - FAIR_SLOTS) weather.turnFair();
    if (step < SLOTS) weather.candle(slot);
    incomplete += await cycle(rig, slot);
  }
  const { closed, gaps, stream } = rig.live.stats();
  await rig.live.stop();
  await rig.clock.advance(SETTLED_MS);
  expect(rig.errors).toEqual([]);
  expect(rig.clock.pendingTimers).toBe(0);
  const reconnects = Object.values(stream.reconnects).reduce((sum, count) => sum + count, 0);
  return { bytes: bytesOf(rig), asked: rig.asked.length, closed, gaps, reconnects, incomplete };
}

/** Runs the slot's cycle while time passes; what it gives to the analyzers must be true, however little it is. */
async function cycle(rig: Rig, slot: number): Promise<number> {
  const acquiring = rig.cycle(slot);
  await rig.clock.advance(SETTLED_MS);
  const { windows, skipped } = await acquiring;
  for (const window of windows) {
    const { openTime, open, high, low, close, volume } = columnsOf(window);
    for (let row = Math.max(0, window.length - 3); row < window.length; row++) {
      const held = [openTime, open, high, low, close, volume].map((column) => column[row]);
      expect(held).toEqual(rig.market.row(window.symbol, window.timeframe, openTime[row] as number));
    }
  }
  return skipped.length;
}

function bytesOf(rig: Rig): Map<string, string> {
  const keys = SYMBOLS.flatMap((symbol) => TIMEFRAMES.map((timeframe) => ({ symbol, timeframe })));
  return new Map(
    keys.map((key) => [
      `${key.symbol}@${key.timeframe}`,
      Buffer.from(Float64Array.from(rig.held(key).flat()).buffer).toString('base64'),
    ]),
  );
}

describe('500 minutes on a bad network', () => {
  it(
    `W10: leave the same bytes in every store as on a good one, for seeds ${FIRST_SEED} to ${FIRST_SEED + SEEDS - 1}`,
    async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        const good = await run(seed, false);
        const bad = await run(seed, true);
        expect(good.incomplete, `seed ${seed}`).toBe(0);
        expect(good.gaps, `seed ${seed}`).toEqual({ repaired: 0, unrepaired: 0 });
        expect(bad.bytes, `seed ${seed}`).toEqual(good.bytes);
        expect(bad.reconnects, `seed ${seed}`).toBeGreaterThan(2);
        expect(bad.closed.rest, `seed ${seed}`).toBeGreaterThan(good.closed.rest);
        // Every base candle came once, by whichever way: history brings only what a cycle finds missing before its slot.
        const total = bad.closed.flag + bad.closed.later + bad.closed.rest;
        expect(total, `seed ${seed}`).toBeLessThanOrEqual(SYMBOLS.length * SLOTS);
      }
    },
    20_000 * Math.max(1, SEEDS),
  );
});

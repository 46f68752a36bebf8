import type { SeriesWindow } from '../../src/domain/series.js';
import { columnsOf } from '../../src/domain/series.js';
import { Market, Rig, TIMEFRAMES } from './live.js';
import { Weather } from './live-weather.js';
import { MIDNIGHT, STEP_MS } from './stream-frames.js';

/** 500 minutes; the last candles are fair, so that the last cycle can bring everything. */
export const SLOTS = 100;
const FAIR_SLOTS = 3;
export const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'] as const;
const SETTLED_MS = 60_000;

export interface Soaked {
  /** The columns of every series, byte by byte. */
  readonly bytes: ReadonlyMap<string, string>;
  /** Candles given to the analyzers that are not the market's. */
  readonly lies: readonly string[];
  /** Series that a cycle did not bring to its slot. */
  readonly incomplete: number;
  readonly closed: Readonly<Record<'flag' | 'later' | 'rest', number>>;
  readonly gaps: Readonly<Record<'repaired' | 'unrepaired', number>>;
  readonly reconnects: number;
  readonly errors: readonly unknown[];
  /** Timers left when everything was stopped. */
  readonly timersLeft: number;
}

/** Runs the live pipeline through the same market twice: on a good network, and on one as bad as the seed has it. */
export async function soak(seed: number): Promise<{ readonly good: Soaked; readonly bad: Soaked }> {
  const market = new Market(SYMBOLS, SLOTS + 1, 0.1, seed);
  return { good: await run(market, seed, false), bad: await run(market, seed, true) };
}

async function run(market: Market, seed: number, foul: boolean): Promise<Soaked> {
  const rig = new Rig({ market, seed, streamsPerConnection: 2 });
  const weather = new Weather(rig, seed);
  const lies: string[] = [];
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
    const acquiring = rig.cycle(slot);
    await rig.clock.advance(SETTLED_MS);
    const { windows, skipped } = await acquiring;
    incomplete += skipped.length;
    for (const window of windows) lies.push(...liesOf(market, window));
  }
  const { closed, gaps, stream } = rig.live.stats();
  await rig.live.stop();
  await rig.clock.advance(SETTLED_MS);
  return {
    bytes: bytesOf(rig),
    lies,
    incomplete,
    closed,
    gaps,
    reconnects: Object.values(stream.reconnects).reduce((sum, count) => sum + count, 0),
    errors: rig.errors,
    timersLeft: rig.clock.pendingTimers,
  };
}

/** What a cycle gives to the analyzers must be true, however little it is; its newest candles are looked at. */
export function liesOf(market: Market, window: SeriesWindow): string[] {
  const { symbol, timeframe, length } = window;
  const { openTime, open, high, low, close, volume } = columnsOf(window);
  const columns = [openTime, open, high, low, close, volume];
  const lies: string[] = [];
  for (let row = Math.max(0, length - 3); row < length; row++) {
    const truth = market.row(symbol, timeframe, openTime[row] as number);
    if (columns.every((column, index) => column[row] === truth[index])) continue;
    lies.push(`${symbol} ${timeframe} ${columns.map((column) => column[row]).join()}, not ${truth.join()}`);
  }
  return lies;
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

import { describe, expect, it } from 'vitest';
import type { CandleRow } from '../../src/domain/candle.js';
import { deriveCandle } from '../../src/domain/derive.js';
import type { Timeframe } from '../../src/domain/timeframe.js';
import { contiguousSeries, realRows, realSymbols } from '../support/real-candles.js';

const dir = process.env.CANDLESCAN_TEST_DATA;
const BINANCE = 'binance-um-perp_2025-10_won9892000';
const BYBIT = 'bybit-linear-perp_2025-10-17_zxckotee';
const SPOT = 'binance-spot_2021-04_iterativv';

interface Comparison {
  readonly compared: number;
  readonly differing: readonly { readonly theirs: CandleRow; readonly ours: CandleRow }[];
}

/** Every candle of the exchange's own longer timeframe whose base candles are all there, beside what is derived. */
function compare(source: string, symbol: string, timeframe: Timeframe): Comparison {
  const runs = contiguousSeries(symbol, '5m', realRows(source, symbol, '5m'));
  let compared = 0;
  const differing: { theirs: CandleRow; ours: CandleRow }[] = [];
  for (const theirs of realRows(source, symbol, timeframe)) {
    const ours = runs.map((run) => deriveCandle(run, timeframe, theirs[0])).find((row) => row !== null);
    if (ours === undefined) continue;
    compared += 1;
    if (ours.some((value, column) => value !== theirs[column])) differing.push({ theirs, ours });
  }
  return { compared, differing };
}

describe.skipIf(!dir)('deriveCandle on real candles (skipped without CANDLESCAN_TEST_DATA)', () => {
  it('gives every 15m candle of Binance futures to the last digit, through the crash of 2025-10-10', () => {
    const results = realSymbols(BINANCE, '15m').map((symbol) => compare(BINANCE, symbol, '15m'));
    expect(results.flatMap(({ differing }) => differing)).toEqual([]);
    expect(results.reduce((sum, { compared }) => sum + compared, 0)).toBeGreaterThan(10_000);
  });

  it.each(['15m', '30m', '1h', '4h'] as const)('gives every %s candle of Bybit, but the one that was forming', (tf) => {
    const results = realSymbols(BYBIT, tf).map((symbol) => compare(BYBIT, symbol, tf));
    expect(results.flatMap(({ differing }) => differing)).toEqual([]);
    expect(results.reduce((sum, { compared }) => sum + compared, 0)).toBeGreaterThan(100);
  });

  it('gives every 1h candle of a spot market with outages, but 29 that hold more trades than their 5m candles', () => {
    const results = realSymbols(SPOT, '1h').map((symbol) => compare(SPOT, symbol, '1h'));
    const differing = results.flatMap((result) => result.differing);
    // Known to be the exchange's: on two days some hours hold more trades than their twelve candles.
    expect(differing.length).toBe(29);
    for (const { theirs, ours } of differing) {
      expect(theirs[5]).toBeGreaterThan(ours[5]);
      expect(theirs[2]).toBeGreaterThanOrEqual(ours[2]);
      expect(theirs[3]).toBeLessThanOrEqual(ours[3]);
      expect(['2021-04-22', '2021-04-23']).toContain(new Date(theirs[0]).toISOString().slice(0, 10));
    }
    expect(results.reduce((sum, { compared }) => sum + compared, 0)).toBeGreaterThan(1_000);
  });
});

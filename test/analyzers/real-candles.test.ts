import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { allBuiltIns, run, type Shape, windowOf } from '../support/analyzers.js';

const data = process.env['CANDLESCAN_TEST_DATA'];

function candlesOf(file: string): Shape[] {
  const lines = gunzipSync(readFileSync(path.join(data ?? '', 'candles', file)))
    .toString('utf8')
    .trim()
    .split('\n');
  return lines.slice(1).map((line) => line.split(',').slice(1).map(Number) as unknown as Shape);
}

describe.skipIf(data === undefined)('built-in analyzers on real candles (skipped without CANDLESCAN_TEST_DATA)', () => {
  it('say nothing of a delisted symbol once its market is dead', () => {
    const candles = candlesOf('event_binance-delisted-FTT-2022-11_MuTheBug/FTTUSDT-1h.csv.gz');
    const deadFrom = candles.findLastIndex(([, high, low, , volume]) => high !== low || volume > 0) + 1;
    expect(candles.length - deadFrom).toBeGreaterThan(1_000);
    for (let end = deadFrom + 1; end <= candles.length; end += 50) {
      const { findings, withheld } = run(allBuiltIns(), windowOf(candles.slice(Math.max(0, end - 300), end)));
      expect(findings).toEqual([]);
      expect(withheld).toHaveLength(1);
    }
  });

  it('live through the crash of 2025-10-10 without a failure, and are short as it begins', () => {
    const candles = candlesOf('binance-um-perp_2025-10_won9892000/TRUMPUSDT-5m.csv.gz');
    const crash = candles.findIndex(([open, , , close]) => close < open * 0.7);
    expect(crash).toBeGreaterThan(300);
    const seen = Array.from({ length: 60 }, (_, index) => crash - 30 + index).flatMap((newest) => {
      const { findings, failures } = run(allBuiltIns(), windowOf(candles.slice(newest - 299, newest + 1)));
      expect(failures).toEqual([]);
      return findings.map(({ direction }) => ({ direction, candlesAfter: newest - crash }));
    });
    expect(seen).toContainEqual({ direction: 'short', candlesAfter: -1 });
  });
});

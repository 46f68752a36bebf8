import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/cache/codec/record.js';
import { hydrate } from '../../src/cache/hydrate.js';
import type { CandleRow } from '../../src/domain/candle.js';
import { Series } from '../../src/domain/series.js';
import type { Timeframe } from '../../src/domain/timeframe.js';
import { contentOf, NOW } from '../support/cache.js';

const data = process.env['CANDLESCAN_TEST_DATA'];
const LOOKBACK = 300;

describe.skipIf(!data)('real candles (skipped without CANDLESCAN_TEST_DATA)', () => {
  it('come back exactly, in at most 12 bytes a candle before gzip', () => {
    const folder = join(data as string, 'candles', 'binance-um-perp_2025-10_won9892000');
    let [candles, bytes] = [0, 0];
    for (const name of readdirSync(folder)) {
      const [, symbol, timeframe] = /^(.+)-(\w+)\.csv\.gz$/.exec(name) as unknown as [string, string, Timeframe];
      const series = new Series(symbol, timeframe, LOOKBACK);
      const lines = gunzipSync(readFileSync(join(folder, name)))
        .toString()
        .trim()
        .split('\n')
        .slice(1);
      for (const line of lines.slice(0, LOOKBACK)) {
        const row = line.split(',').map(Number) as unknown as CandleRow;
        // The origin's own gaps end a series; what is stored is what came before.
        if (series.append(row, 'history', NOW) !== null) break;
      }
      const record = encodeRecord(series.window());
      const back = hydrate(record, symbol, timeframe, LOOKBACK, NOW);
      expect(back === null ? null : contentOf(back)).toEqual(contentOf(series));
      candles += series.length;
      bytes += record.length;
    }
    expect(candles).toBeGreaterThan(20_000);
    expect(bytes / candles).toBeLessThan(12);
  });
});

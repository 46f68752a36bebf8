import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { candleDefect, REFUSALS } from '../../src/domain/candle.js';
import { ExchangeError } from '../../src/domain/errors.js';
import { columnsOf, Series } from '../../src/domain/series.js';
import { seededRandom } from '../../src/lib/random.js';
import { readKlines } from '../../src/pipeline/exchange/binance.js';
import type { KlineReply } from '../../src/pipeline/exchange/contract.js';
import { unpack } from '../../src/pipeline/exchange/decode.js';
import { ingest } from '../../src/pipeline/ingest.js';
import { hostileReply, MOST_ROWS, SLOT, STEP_MS } from '../support/hostile-klines.js';
import { startTestSim } from '../support/sim.js';

const PAYLOADS = Number(process.env['CANDLESCAN_TEST_PAYLOADS'] ?? 20_000);
const MOST_BYTES = 4 * 1024 * 1024;

/** What a body is read as, or null when it is refused as a whole. */
function read(body: Buffer, encoding: string | undefined, limit: number): KlineReply | null {
  try {
    return readKlines(unpack(body, encoding, MOST_BYTES), '5m', limit);
  } catch (error) {
    if (error instanceof ExchangeError && error.kind === 'badPayload') return null;
    throw error;
  }
}

/** What is wrong with the candles that an analyzer would be given of the series. */
function defectsOf(series: Series): string[] {
  const { openTime, open, high, low, close, volume } = columnsOf(series.window());
  const defects: string[] = [];
  for (let index = 0; index < openTime.length; index++) {
    const row = [openTime, open, high, low, close, volume].map((column) => column[index] as number);
    const defect = candleDefect(row as unknown as Parameters<typeof candleDefect>[0], '5m', SLOT);
    const follows = index === 0 || row[0] === (openTime[index - 1] as number) + STEP_MS;
    if (defect !== null || !follows) defects.push(`${defect ?? 'gap'}: ${row.join()}`);
  }
  return defects;
}

describe('X11: hostile replies', () => {
  it(`X11: no analyzer is given a wrong candle of ${PAYLOADS.toLocaleString('en')} of them`, {
    timeout: 600_000,
  }, () => {
    const random = seededRandom(20_260_101);
    const taken = { rows: 0, candles: 0, refusedWhole: 0 };
    const reasons = new Set<string>();
    for (let number = 0; number < PAYLOADS; number++) {
      const { text, rows } = hostileReply(random);
      const reply = read(Buffer.from(text), undefined, MOST_ROWS);
      if (reply === null || rows === null) {
        taken.refusedWhole += 1;
        if (reply !== null || rows !== null) expect.fail(`payload ${number} was misjudged as a whole: ${text}`);
        continue;
      }
      const refused = Object.values(reply.refused).reduce((sum, count) => sum + count, 0);
      if (reply.rows.length + refused !== rows) expect.fail(`payload ${number}: a row was lost: ${text}`);
      const { series, refused: reasonsNow } = ingest(new Series('XUSDT', '5m', 16), reply, SLOT, 'history');
      const defects = defectsOf(series);
      if (defects.length > 0) expect.fail(`payload ${number}: ${defects.join('; ')} from ${text}`);
      for (const reason of reasonsNow.keys()) reasons.add(reason);
      taken.rows += rows;
      taken.candles += series.length;
    }
    // It was neither all refused nor all good, and every reason that a reply can give came up.
    expect(taken.candles).toBeGreaterThan(PAYLOADS / 2);
    expect(taken.rows).toBeGreaterThan(taken.candles * 1.5);
    expect(taken.refusedWhole).toBeGreaterThan(PAYLOADS / 100);
    expect([...reasons].sort()).toEqual(REFUSALS.toSorted());
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['length']).toBeUndefined();
  });
});

describe('X5: a reply of the exchange, cut', () => {
  it('X5: accepts nothing of 390 candles that end at any byte, plain or packed', { timeout: 600_000 }, async () => {
    const rows = 390;
    const sim = await startTestSim();
    const { bytes } = await sim.get(`/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=${rows}`);
    await sim.stop();
    expect(read(bytes, undefined, rows)?.rows).toHaveLength(rows);
    const packed = gzipSync(bytes);
    expect(read(packed, 'gzip', rows)?.rows).toHaveLength(rows);
    expect(bytes.length + packed.length).toBeGreaterThan(55_000);
    const accepted: string[] = [];
    for (const [encoding, whole] of [
      ['identity', bytes],
      ['gzip', packed],
    ] as const) {
      for (let end = 0; end < whole.length; end++) {
        if (read(whole.subarray(0, end), encoding, rows) !== null) accepted.push(`${encoding} cut at ${end}`);
      }
    }
    expect(accepted).toEqual([]);
  });
});

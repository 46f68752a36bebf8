import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CandleRow } from '../../src/domain/candle.js';
import { columnsOf, Series } from '../../src/domain/series.js';
import { ingest } from '../../src/pipeline/ingest.js';
import { rowsUntil, seriesOf } from '../support/candles.js';

const SLOT = Date.parse('2026-01-01T10:15:00Z');
const STEP = 300_000;
const GOLDEN = rowsUntil(SLOT, '5m', 40);
const fresh = () => new Series('BTCUSDT', '5m', 300);
const take = (rows: readonly CandleRow[], series = fresh()) => ingest(series, { rows, refused: {} }, SLOT, 'history');
const times = (series: Series) => [...columnsOf(series.window()).openTime];

describe('ingest', () => {
  it('takes a whole reply as it is', () => {
    const { series, added, refused, complete } = take(GOLDEN);
    expect(times(series)).toEqual(GOLDEN.map(([time]) => time));
    expect({ added, refused: refused.size, complete }).toEqual({ added: 40, refused: 0, complete: true });
  });

  it('X13: passes over the forming candle and those that closed after the slot', () => {
    const later: CandleRow[] = [0].map((ahead) => [SLOT + ahead * STEP, 1, 1, 1, 1, 1]);
    const { series, refused, complete } = take([...GOLDEN, ...later]);
    expect(series.lastOpenTime).toBe(SLOT - STEP);
    expect({ refused: refused.size, complete }).toEqual({ refused: 0, complete: true });
  });

  it('X12: keeps the newest contiguous run of a reply with a hole, and counts the hole', () => {
    const { series, refused, complete } = take([...GOLDEN.slice(0, 20), ...GOLDEN.slice(25)]);
    expect(times(series)).toEqual(GOLDEN.slice(25).map(([time]) => time));
    expect([...refused]).toEqual([['gap', 1]]);
    expect(complete).toBe(true);
  });

  it.each<[string, CandleRow[], string]>([
    ['a duplicate', [...GOLDEN.slice(0, 30), GOLDEN[29] as CandleRow, ...GOLDEN.slice(30)], 'duplicate'],
    ['a row of 1970', [...GOLDEN.slice(0, 30), [0, 1, 1, 1, 1, 1], ...GOLDEN.slice(30)], 'order'],
    ['a row a year ahead', [...GOLDEN, [SLOT + 105_120 * STEP, 1, 1, 1, 1, 1]], 'forming'],
    ['a row in microseconds', [...GOLDEN, [SLOT * 1000, 1, 1, 1, 1, 1]], 'forming'],
    [
      'a misaligned row',
      [...GOLDEN.slice(0, 30), [(GOLDEN[29] as CandleRow)[0] + 1, 1, 1, 1, 1, 1], ...GOLDEN.slice(30)],
      'grid',
    ],
  ])('X12: refuses %s and holds the same as without it', (_, rows, reason) => {
    const { series, refused } = take(rows);
    expect(times(series)).toEqual(GOLDEN.map(([time]) => time));
    expect([...refused]).toEqual([[reason, 1]]);
  });

  it('X12: holds a contiguous part of the truth, or nothing, of a reply that was reversed, shuffled or thinned', () => {
    const byTime = new Map(GOLDEN.map((row) => [row[0], row]));
    fc.assert(
      fc.property(fc.shuffledSubarray(GOLDEN), (rows) => {
        const { series, refused, complete } = take(rows);
        const columns = columnsOf(series.window());
        columns.openTime.forEach((time, index) => {
          expect(byTime.get(time)?.[4]).toBe(columns.close[index]);
          if (index > 0) expect(time - (columns.openTime[index - 1] as number)).toBe(STEP);
        });
        const whole = rows.length === GOLDEN.length && rows.every((row, index) => row === GOLDEN[index]);
        if (!whole && complete && series.length < rows.length) expect(refused.size).toBeGreaterThan(0);
      }),
    );
  });

  it('goes on from what is held, and stores what the exchange revised', () => {
    const held = seriesOf('BTCUSDT', '5m', GOLDEN.slice(0, 35));
    const last = GOLDEN[34] as CandleRow;
    const revisedRow: CandleRow = [last[0], last[1], last[2], last[3], last[4], 999];
    const { series, added, revised, refused } = take([revisedRow, ...GOLDEN.slice(35)], held);
    expect(series).toBe(held);
    expect({ added, revised, refused: refused.size }).toEqual({ added: 5, revised: 1, refused: 0 });
    expect(columnsOf(series.window()).volume[34]).toBe(999);
  });

  it('counts the rows that did not parse', () => {
    const { refused } = ingest(fresh(), { rows: GOLDEN, refused: { number: 3, shape: 1 } }, SLOT, 'history');
    expect(Object.fromEntries(refused)).toEqual({ number: 3, shape: 1 });
  });
});

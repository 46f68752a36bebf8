import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CandleRow, type Refusal, SOURCES } from '../../../src/domain/candle.js';
import { columnsOf } from '../../../src/domain/series.js';
import { deepen, planDeepening } from '../../../src/pipeline/history/deepen.js';
import { held, rowsOf, SLOT, truth, truths } from '../../support/deepening.js';

const KEY = { symbol: 'AUSDT', timeframe: '5m' } as const;
const STEP = 300_000;

describe('planDeepening', () => {
  it.each([
    ['a first look', 99, 300, { limit: 300, endTime: SLOT - 1 }],
    ['one candle too few', 299, 300, { limit: 300, endTime: SLOT - 1 }],
    ['a short lookback', 20, 60, { limit: 60, endTime: SLOT - 1 }],
    ['a long lookback, first page', 99, 1_200, { limit: 499, endTime: SLOT - 1 }],
    ['a long lookback, next page', 499, 1_200, { limit: 499, endTime: SLOT - 498 * STEP - 1 }],
    ['a long lookback, last page', 1_150, 1_200, { limit: 51, endTime: SLOT - 1_149 * STEP - 1 }],
  ])('plans %s', (_, count, lookback, query) => {
    expect(planDeepening(held(KEY, count, lookback))).toEqual({ ...KEY, ...query });
  });

  it.each([
    ['full', 300],
    ['empty', 0],
  ])('has nothing to ask for a series that is %s', (_, count) => {
    expect(planDeepening(held(KEY, count))).toBeNull();
  });
});

/** What may come back, and what may happen to the series meanwhile. */
const weather = fc.record({
  lookback: fc.integer({ min: 2, max: 60 }),
  first: fc.integer({ min: 1, max: 60 }),
  listed: fc.integer({ min: 1, max: 90 }),
  appended: fc.integer({ min: 0, max: 70 }),
  lost: fc.array(fc.nat(89), { maxLength: 3 }),
  restated: fc.uniqueArray(fc.nat(89), { maxLength: 4 }),
  broken: fc.array(fc.nat(89), { maxLength: 2 }),
  doubled: fc.boolean(),
});

describe('deepen', () => {
  it('never loses a candle, never holds one that nobody stated, and is contiguous whatever comes back', () => {
    fc.assert(
      fc.property(weather, ({ lookback, first, listed, appended, lost, restated, broken, doubled }) => {
        const count = Math.min(first, lookback, listed);
        const series = held(KEY, count, lookback);
        const query = planDeepening(series);
        if (query === null) return;
        const whole = truths(KEY, Math.min(query.limit, listed));
        const said = (row: CandleRow, index: number) => (restated.includes(index) ? truth(KEY, row[0], 1) : row);
        const stated = whole.map(said);
        const rows = stated
          .map((row, index): CandleRow => (broken.includes(index) ? [row[0], -1, 1, 1, 1, 1] : row))
          .filter((_, index) => !lost.includes(index))
          .flatMap((row) => (doubled ? [row, row] : [row]));
        for (let age = 0; age < appended; age++) {
          series.append(truth(KEY, SLOT + age * STEP), 'stream', Number.MAX_SAFE_INTEGER);
        }
        const before = rowsOf(series);
        const result = deepen(series, query, { rows, refused: {} });
        const after = rowsOf(result.series);

        expect(rowsOf(series)).toEqual(before);
        expect(after.length).toBeGreaterThanOrEqual(before.length);
        expect(after.length).toBeLessThanOrEqual(lookback);
        expect(after.at(-1)?.[0]).toBe(before.at(-1)?.[0]);
        expect(after.slice(1).every(([openTime], index) => openTime === (after[index]?.[0] ?? 0) + STEP)).toBe(true);
        const byTime = new Map(rows.filter(([, open]) => open > 0).map((row) => [row[0], row]));
        const heldBefore = new Map(before.map((row) => [row[0], row]));
        for (const row of after) expect(row).toEqual(byTime.get(row[0]) ?? heldBefore.get(row[0]));

        const sources = Array.from(columnsOf(result.series.window()).source, (code) => SOURCES[code]);
        const unchanged = after.map((row) => heldBefore.get(row[0])?.every((value, column) => value === row[column]));
        expect(sources).toEqual(unchanged.map((same) => (same === true ? 'stream' : 'history')));
        expect(result.revised).toBe(unchanged.filter((same) => same === false).length);

        // Without its oldest rows a reply looks like one of a young symbol.
        const kept = whole.map((_, index) => index).filter((index) => !lost.includes(index));
        const isWhole = kept[0] === whole.length - kept.length && kept.every((index) => !broken.includes(index));
        const expected = kept.length < query.limit ? 'exhausted' : 'deeper';
        if (after.length === lookback) expect(result.verdict).toBe('full');
        else expect(result.verdict).toBe(isWhole && !doubled && kept.length >= count ? expected : 'unsound');
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives the very same series when nothing is new', () => {
    const series = held(KEY, 50);
    const query = planDeepening(series);
    if (query === null) throw new Error('nothing to ask');
    const result = deepen(series, query, { rows: truths(KEY, 50), refused: {} });
    expect(result).toEqual({ series, revised: 0, revisedSince: null, verdict: 'exhausted' });
    expect(result.series).toBe(series);
  });

  it('believes no reply that is shorter than what is held to be all that there is', () => {
    const series = held(KEY, 50);
    const query = planDeepening(series);
    if (query === null) throw new Error('nothing to ask');
    const result = deepen(series, query, { rows: truths(KEY, 49), refused: {} });
    expect(result).toEqual({ series, revised: 0, revisedSince: null, verdict: 'unsound' });
  });

  it('takes no row for another when one is given twice', () => {
    const series = held(KEY, 50, 60);
    const query = planDeepening(series);
    if (query === null) throw new Error('nothing to ask');
    const rows = truths(KEY, 59);
    const result = deepen(series, query, { rows: [rows[0] as CandleRow, ...rows], refused: {} });
    expect(rowsOf(result.series)).toEqual(rows);
    expect(result.verdict).toBe('unsound');
  });

  it('believes no reply of which rows were refused to be all that there is', () => {
    const series = held(KEY, 50);
    const query = planDeepening(series);
    if (query === null) throw new Error('nothing to ask');
    const refused: Partial<Record<Refusal, number>> = { shape: 1 };
    expect(deepen(series, query, { rows: truths(KEY, 120), refused })).toMatchObject({
      verdict: 'unsound',
      revised: 0,
    });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candleDefect } from '../../../src/domain/candle.js';
import { ExchangeError } from '../../../src/domain/errors.js';
import { klinesWeight, parseDecimal, parseKlines } from '../../../src/pipeline/exchange/klines.js';
import { klineRows } from '../../support/hostile-server.js';

/** Hostile replies that are made up; the fault matrix asks for a million. */
const REPLIES = Number(process.env['CANDLESCAN_TEST_KLINES'] ?? 1_500);

const OPEN = Date.UTC(2026, 0, 1);

/** One good row with some columns replaced. */
function rowWith(columns: Record<number, unknown>): unknown[] {
  const row = klineRows(1)[0] as unknown[];
  for (const [column, value] of Object.entries(columns)) row[Number(column)] = value;
  return row;
}

const parseOne = (row: unknown) => parseKlines([row], '5m', 10);

describe('klinesWeight', () => {
  it.each([
    [1, 1],
    [99, 1],
    [100, 2],
    [499, 2],
    [500, 5],
    [1000, 5],
    [1001, 10],
    [1500, 10],
  ])('limit %i costs %i', (limit, weight) => {
    expect(klinesWeight(limit)).toBe(weight);
  });
});

describe('parseKlines', () => {
  it('takes open time, prices and base volume from twelve columns', () => {
    expect(parseOne(rowWith({}))).toEqual({
      rows: [[OPEN, 83000.1, 84500, 82000.5, 83000, 102.437]],
      refused: {},
    });
  });

  it('keeps the good rows in their order and counts the bad ones by reason', () => {
    const [first, second, third] = klineRows(3) as [unknown[], unknown[], unknown[]];
    const reply = [first, second.slice(0, 11), third, rowWith({ 4: 'NaN' }), rowWith({ 6: OPEN })];
    const { rows, refused } = parseKlines(reply, '5m', 10);
    expect(rows.map(([openTime]) => openTime)).toEqual([OPEN, OPEN + 600_000]);
    expect(refused).toEqual({ shape: 2, number: 1 });
  });

  it.each([
    'NaN',
    'Infinity',
    '1e400',
    '1e3',
    '',
    ' ',
    '1 ',
    ' 1',
    '-5',
    '+5',
    '0x10',
    '1_000',
    '1,5',
    '.',
    '.5',
    '5.',
    '1.2.3',
    '9'.repeat(400),
    null,
    true,
    5,
    [],
    {},
  ])('X11: refuses %j as a price and as a volume', (value) => {
    for (const column of [1, 2, 3, 4, 5]) {
      expect(parseOne(rowWith({ [column]: value }))).toEqual({ rows: [], refused: { number: 1 } });
    }
  });

  it.each([null, 'x', '1767225600000', 1.5, Number.NaN, 2 ** 60, [OPEN], {}])('X11: refuses %j as a time', (value) => {
    expect(parseOne(rowWith({ 0: value })).refused).toEqual({ shape: 1 });
    expect(parseOne(rowWith({ 6: value })).refused).toEqual({ shape: 1 });
  });

  it('X12: refuses microseconds, another interval, and a close that does not end the candle', () => {
    const micro = rowWith({ 0: OPEN * 1000, 6: (OPEN + 300_000) * 1000 - 1 });
    expect(parseOne(micro).refused).toEqual({ shape: 1 });
    expect(parseOne(rowWith({ 6: OPEN + 60_000 - 1 })).refused).toEqual({ shape: 1 });
    expect(parseOne(rowWith({ 6: OPEN + 300_000 })).refused).toEqual({ shape: 1 });
  });

  it('X12: leaves order, gaps, duplicates, the grid and the future to the series', () => {
    const rows = klineRows(4);
    const shuffled = [rows[2], rows[0], rows[0], rows[3]];
    expect(parseKlines(shuffled, '5m', 10).rows.map(([time]) => time)).toEqual(shuffled.map((row) => row?.[0]));
    expect(parseKlines(klineRows(1, OPEN + 7), '5m', 10).rows.length).toBe(1);
  });

  it.each([{}, null, 'html', 5, [1], [null], [{}], [{ __proto__: [] }], [[], {}]])(
    'X4: refuses the reply %j as a whole',
    (reply) => {
      expect(() => parseKlines(reply, '5m', 10)).toThrow(ExchangeError);
    },
  );

  it('X7: refuses more rows than were asked for', () => {
    expect(() => parseKlines(klineRows(4), '5m', 3)).toThrow('4 rows where 3 were asked for');
  });

  it('takes an empty array as an answer: the symbol had no candle then', () => {
    expect(parseKlines([], '5m', 3)).toEqual({ rows: [], refused: {} });
  });
});

describe('X11: hostile klines', () => {
  const cell = fc.oneof(
    fc.constantFrom<unknown>('NaN', 'Infinity', '-Infinity', '1e400', '', ' ', null, '-5', '0x10', '1e308', 'abc', '٣'),
    fc.double(),
    fc.bigInt().map(String),
    fc.string(),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'length'), fc.anything(), { maxKeys: 2 }),
  );
  const row = fc.oneof(
    fc.array(cell, { minLength: 10, maxLength: 14 }),
    fc.dictionary(fc.nat({ max: 11 }).map(String), cell).map((columns) => rowWith(columns)),
    fc.constant(JSON.parse('{"__proto__":[1],"length":12}') as unknown),
  );

  it('never lets a row through that is not six finite numbers with a close that fits', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 8 }), (reply) => {
        let parsed: ReturnType<typeof parseKlines>;
        try {
          parsed = parseKlines(reply, '5m', 8);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'badPayload' });
          return;
        }
        for (const candle of parsed.rows) {
          expect(candle.length).toBe(6);
          expect(candle.every(Number.isFinite)).toBe(true);
          expect(candleDefect(candle, '5m', Number.MAX_SAFE_INTEGER)).not.toBe('number');
        }
        const refused = Object.values(parsed.refused).reduce((sum, count) => sum + count, 0);
        expect(parsed.rows.length + refused).toBe(reply.length);
        expect(({} as Record<string, unknown>).polluted).toBeUndefined();
      }),
      { numRuns: REPLIES, seed: 20260101 },
    );
  });
});

describe('parseDecimal', () => {
  it('reads every plain decimal as the double that Number reads', () => {
    const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${max}}$`));
    fc.assert(
      fc.property(digits(18), fc.option(digits(20)), (whole, fraction) => {
        const text = fraction === null ? whole : `${whole}.${fraction}`;
        expect(Object.is(parseDecimal(text), Number(text))).toBe(true);
      }),
      { numRuns: 5_000, seed: 20260101 },
    );
  });

  it('reads nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(Number.isNaN(parseDecimal(text))).toBe(!/^\d+(\.\d+)?$/.test(text));
      }),
      { numRuns: 5_000, seed: 20260101 },
    );
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readKlines } from '../../../src/pipeline/exchange/binance.js';
import { parseJson } from '../../../src/pipeline/exchange/decode.js';
import { readKlineBytes } from '../../../src/pipeline/exchange/kline-bytes.js';
import { parseKlines } from '../../../src/pipeline/exchange/klines.js';

const STEP = 300_000;
const START = 1_767_225_600_000;

const decimal = fc.oneof(
  fc.stringMatching(/^\d{1,20}(\.\d{1,18})?$/),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((value) => value.toFixed(8)),
);
const wireRow = fc
  .tuple(fc.nat(1e6), fc.array(decimal, { minLength: 9, maxLength: 9 }), fc.nat(1e9))
  .map(([index, [o, h, l, c, v, q, tb, tq, last], trades]) => {
    const openTime = START + index * STEP;
    return [openTime, o, h, l, c, v, openTime + STEP - 1, q, trades, tb, tq, last];
  });

function general(body: Buffer) {
  try {
    return parseKlines(parseJson(body), '5m', 99);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('readKlineBytes', () => {
  it('X11: returns what the general way returns, to the last bit, for any reply in the exchange’s own writing', () => {
    fc.assert(
      fc.property(fc.array(wireRow, { minLength: 1, maxLength: 12 }), (rows) => {
        const body = Buffer.from(JSON.stringify(rows));
        const slow = general(body);
        const fast = readKlineBytes(body, '5m', 99);
        if (fast === null) {
          // Only what is beyond an exact integer or a decimal of 40 characters may be left to the general way.
          expect(rows.flat().some((cell) => String(cell).length > 15)).toBe(true);
        } else {
          expect(slow).toEqual({ rows: fast, refused: {} });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('X5, X11: never returns rows for a reply of which the general way would refuse any part', () => {
    const body = Buffer.from(
      JSON.stringify(
        [0, 1, 2].map((i) => [
          START + i * STEP,
          '1.5',
          '2',
          '1',
          '1.25',
          '10',
          START + (i + 1) * STEP - 1,
          '5',
          3,
          '4',
          '5',
          '0',
        ]),
      ),
    );
    expect(readKlineBytes(body, '5m', 99)).toHaveLength(3);
    fc.assert(
      fc.property(
        fc.nat(body.length - 1),
        fc.constantFrom(...Buffer.from('0123456789.,"[]{}eE+-x \n\u0000')),
        fc.constantFrom('set', 'insert', 'cut', 'drop'),
        (at, byte, how) => {
          const changed =
            how === 'cut'
              ? body.subarray(0, at)
              : Buffer.concat([
                  body.subarray(0, at),
                  ...(how === 'drop' ? [] : [Buffer.from([byte])]),
                  body.subarray(how === 'insert' ? at : at + 1),
                ]);
          const fast = readKlineBytes(changed, '5m', 99);
          if (fast !== null) expect(general(changed)).toEqual({ rows: fast, refused: {} });
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ['an empty array', '[]'],
    ['a space', `[[${START}, "1","1","1","1","1",${START + STEP - 1},"1",1,"1","1","0"]]`],
    [
      'more rows than were asked for',
      JSON.stringify(
        Array.from({ length: 100 }, (_, i) => [
          START + i * STEP,
          '1',
          '1',
          '1',
          '1',
          '1',
          START + (i + 1) * STEP - 1,
          '1',
          1,
          '1',
          '1',
          '0',
        ]),
      ),
    ],
    ['an error', '{"code":-1121,"msg":"Invalid symbol."}'],
  ])('leaves %s to the general way', (_, text) => {
    const body = Buffer.from(text);
    expect(readKlineBytes(body, '5m', 99)).toBeNull();
    const slow = general(body);
    if (typeof slow === 'string') expect(() => readKlines(body, '5m', 99)).toThrow(slow);
    else expect(readKlines(body, '5m', 99)).toEqual(slow);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CandleRow } from '../../src/domain/candle.js';
import { columnsOf, Series } from '../../src/domain/series.js';

const STEP = 300_000;
const START = 1_767_225_600_000;
const LATER = START + 1e6 * STEP;

function row(index: number, close = 100 + index, volume = 5): CandleRow {
  return [START + index * STEP, 100, Math.max(100, close) + 1, Math.min(100, close) - 1, close, volume];
}

function filled(count: number, lookback = 10, slack = 3): Series {
  const series = new Series('BTCUSDT', '5m', lookback, slack);
  for (let index = 0; index < count; index++) expect(series.append(row(index), 'history', LATER)).toBeNull();
  return series;
}

describe('Series', () => {
  it('holds the newest lookback candles in columns with their sources', () => {
    const series = filled(12);
    series.append(row(12), 'stream', LATER);
    const columns = columnsOf(series.window());
    expect([...columns.openTime]).toEqual(Array.from({ length: 10 }, (_, index) => START + (index + 3) * STEP));
    expect([...columns.close]).toEqual(Array.from({ length: 10 }, (_, index) => 103 + index));
    expect([...columns.source]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
    expect(series.firstOpenTime).toBe(START + 3 * STEP);
    expect(series.lastOpenTime).toBe(START + 12 * STEP);
  });

  it('takes memory as it grows, up to a full window and its slack, and holds the same candles', () => {
    const series = new Series('BTCUSDT', '5m', 300);
    const sizes = new Set<number>();
    const early: ReturnType<Series['window']>[] = [];
    for (let index = 0; index < 1_000; index++) {
      expect(series.append(row(index), 'history', LATER)).toBeNull();
      if (index % 100 === 50) expect(series.revise(row(index, 7), 'rest', LATER)).toBe('revised');
      const window = series.window();
      expect(window.length).toBe(Math.min(index + 1, 300));
      sizes.add(window.buffer.byteLength);
      if (index === 50 || index === 127 || index === 255) early.push(window);
    }
    expect(Math.min(...sizes)).toBeLessThan(series.byteLength / 2);
    expect(Math.max(...sizes)).toBe(series.byteLength);
    const closeOf = (index: number) => (index % 100 === 50 ? 7 : 100 + index);
    expect([...columnsOf(series.window()).close]).toEqual(Array.from({ length: 300 }, (_, i) => closeOf(700 + i)));
    for (const window of early) {
      expect([...columnsOf(window).close]).toEqual(Array.from({ length: window.length }, (_, i) => closeOf(i)));
    }
    const copy = series.copy();
    expect(copy.append(row(1_000), 'history', LATER)).toBeNull();
    expect(copy.window().length).toBe(300);
  });

  it('never changes a window that a reader was handed, whatever is appended or revised', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 5 }),
        fc.array(fc.boolean(), { maxLength: 60 }),
        (lookback, slack, steps) => {
          const series = new Series('BTCUSDT', '5m', lookback, slack);
          const handed: { window: ReturnType<Series['window']>; copy: number[] }[] = [];
          let next = 0;
          for (const revise of steps) {
            if (revise && next > 0) series.revise(row(next - 1, 50 + next), 'rest', LATER);
            else series.append(row(next++), 'history', LATER);
            const window = series.window();
            handed.push({ window, copy: [...columnsOf(window).close] });
          }
          for (const { window, copy } of handed) expect([...columnsOf(window).close]).toEqual(copy);
        },
      ),
    );
  });

  it('holds the same candles in less memory when tight, and takes its usual room again later', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.array(fc.constantFrom('append', 'revise', 'tight', 'roomy'), { maxLength: 150 }),
        (lookback, steps) => {
          const plain = new Series('BTCUSDT', '5m', lookback);
          const squeezed = new Series('BTCUSDT', '5m', lookback);
          let next = 0;
          for (const step of steps) {
            if (step === 'tight' || step === 'roomy') squeezed.setTight(step === 'tight');
            for (const series of [plain, squeezed]) {
              if (step === 'append') expect(series.append(row(next), 'stream', LATER)).toBeNull();
              if (step === 'revise' && next > 0) series.revise(row(next - 1, 50 + next), 'rest', LATER);
            }
            if (step === 'append') next += 1;
            expect(columnsOf(squeezed.window())).toEqual(columnsOf(plain.window()));
            expect(columnsOf(squeezed.copy().window())).toEqual(columnsOf(plain.window()));
          }
        },
      ),
    );
  });

  it('is a sixth smaller when tight, at once, and as large as before from the next renewal of its buffer on', () => {
    const series = new Series('BTCUSDT', '5m', 300);
    for (let index = 0; index < 300; index++) series.append(row(index), 'history', LATER);
    const roomy = series.byteLength;
    const { buffer } = series.window();
    series.setTight(true);
    expect(series.byteLength).toBe((roomy / 375) * 310);
    expect(series.window().buffer).not.toBe(buffer);
    for (let index = 300; index < 400; index++) {
      expect(series.append(row(index), 'stream', LATER)).toBeNull();
      expect(series.byteLength).toBe((roomy / 375) * 310);
    }
    series.setTight(false);
    expect(series.byteLength).toBe((roomy / 375) * 310);
    for (let index = 400; index < 411; index++) series.append(row(index), 'stream', LATER);
    expect(series.byteLength).toBe(roomy);
    expect([series.length, series.lastOpenTime]).toEqual([300, START + 410 * STEP]);
  });

  it('never changes a window that a reader was handed before it became tight', () => {
    const series = filled(12, 10, 40);
    const window = series.window();
    const before = [...columnsOf(window).close];
    series.setTight(true);
    for (let index = 12; index < 40; index++) series.append(row(index, 7), 'stream', LATER);
    expect([...columnsOf(window).close]).toEqual(before);
  });

  it.each([
    ['a forming candle', [START + 3 * STEP, 1, 1, 1, 1, 1], 'forming', START + 4 * STEP - 1],
    ['a candle of the future', [START + 1e5 * STEP, 1, 1, 1, 1, 1], 'forming', START + 4 * STEP],
    ['a hole', row(5), 'gap', LATER],
    ['the newest again', row(2), 'duplicate', LATER],
    ['an older one', row(0), 'order', LATER],
    ['a misaligned open time', [START + 3 * STEP + 1, 1, 1, 1, 1, 1], 'grid', LATER],
    ['an open time beyond exact integers', [-8.2e20, 1, 1, 1, 1, 1], 'grid', LATER],
    ['NaN', [START + 3 * STEP, 1, Number.NaN, 1, 1, 1], 'number', LATER],
    ['Infinity', [START + 3 * STEP, 1, Number.POSITIVE_INFINITY, 1, 1, 1], 'number', LATER],
    ['a negative volume', [START + 3 * STEP, 1, 1, 1, 1, -1], 'negative', LATER],
    ['a price of zero', [START + 3 * STEP, 0, 1, 0, 1, 1], 'negative', LATER],
    ['a close above the high', [START + 3 * STEP, 1, 2, 1, 3, 1], 'range', LATER],
    ['an open below the low', [START + 3 * STEP, 1, 3, 2, 2, 1], 'range', LATER],
  ] as const)('refuses %s', (_, candidate, reason, closedBy) => {
    const series = filled(3);
    expect(series.append(candidate as unknown as CandleRow, 'history', closedBy)).toBe(reason);
    expect(series.length).toBe(3);
  });

  it('cannot hold a non-finite, misaligned, disordered or forming row, whatever it is offered', () => {
    const cell = fc.oneof(fc.double(), fc.constantFrom(0, -1, 1, 1e308, Number.NaN, START, START + STEP));
    const closedBy = START + 50 * STEP;
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.tuple(cell, cell, cell, cell, cell, cell),
            fc.nat(60).map((n) => row(n)),
          ),
          { maxLength: 80 },
        ),
        (rows) => {
          const series = new Series('X', '5m', 20);
          for (const candidate of rows) series.append(candidate as CandleRow, 'history', closedBy);
          const { openTime, open, high, low, close, volume } = columnsOf(series.window());
          openTime.forEach((time, index) => {
            expect(time % STEP).toBe(0);
            expect(time + STEP).toBeLessThanOrEqual(closedBy);
            if (index > 0) expect(time - (openTime[index - 1] as number)).toBe(STEP);
            const values = [open[index], high[index], low[index], close[index], volume[index]] as number[];
            expect(values.every(Number.isFinite)).toBe(true);
          });
        },
      ),
    );
  });

  it('stores a revision for later readers and says so', () => {
    const series = filled(5);
    const before = series.window();
    expect(series.revise(row(3), 'rest', LATER)).toBe('unchanged');
    expect(series.revise(row(3, 77), 'rest', LATER)).toBe('revised');
    expect(columnsOf(before).close[3]).toBe(103);
    expect(columnsOf(series.window()).close[3]).toBe(77);
    expect(columnsOf(series.window()).source[3]).toBe(3);
    expect(series.revise(row(9), 'rest', LATER)).toBe('gap');
  });

  it('copies itself onto memory of its own: the same candles, and neither sees what becomes of the other', () => {
    for (const count of [0, 1, 10, 12, 25]) {
      const series = filled(count);
      const copy = series.copy();
      expect(columnsOf(copy.window())).toEqual(columnsOf(series.window()));
      expect(copy).toMatchObject({ symbol: 'BTCUSDT', timeframe: '5m', lookback: 10, length: series.length });
      expect(copy.window().buffer).not.toBe(series.window().buffer);
      const before = [...columnsOf(series.window()).close];
      for (let index = count; index < count + 20; index++) expect(copy.append(row(index), 'stream', LATER)).toBeNull();
      copy.revise(row(count + 19, 50), 'rest', LATER);
      expect([...columnsOf(series.window()).close]).toEqual(before);
      expect(series.append(row(count), 'rest', LATER)).toBeNull();
      expect(copy.lastOpenTime).toBe(START + (count + 19) * STEP);
    }
  });

  it('refuses to revise what it no longer holds', () => {
    const series = filled(13);
    expect(series.revise(row(2, 50), 'rest', LATER)).toBe('order');
    expect(series.revise(row(3, 99), 'rest', LATER)).toBe('revised');
    expect(columnsOf(series.window()).close[0]).toBe(99);
  });
});

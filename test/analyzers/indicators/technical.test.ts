import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { indicatorNamed, listIndicators } from '../../../src/analyzers/indicators/registry.js';
import { technicalLibrary } from '../../../src/analyzers/indicators/technical/library.js';
import { technicalIndicators } from '../../../src/analyzers/indicators/technical.js';
import { candlesFrom, compute, firstDifference, relative } from '../../support/indicators.js';

const require = createRequire(import.meta.url);
const isLoaded = () => Object.keys(require.cache).some((path) => path.includes('technicalindicators'));

const close = Array.from({ length: 160 }, (_, row) => 100 + 10 * Math.sin(row / 5) + row / 10);
const moving = candlesFrom({
  close,
  high: close.map((price) => price + 1),
  low: close.map((price, row) => price - 1 - (row % 3)),
  volume: close.map((_, row) => 5 + (row % 4)),
});

describe('the indicators of technicalindicators', () => {
  it('are listed and found without the library being loaded, which is loaded when one is computed', () => {
    expect(listIndicators()).toEqual(expect.arrayContaining([...technicalIndicators]));
    expect(indicatorNamed('trix').warmup({ period: 18 })).toBe(52);
    expect(compute('sma', moving).value?.at(-1)).toBeGreaterThan(0);
    expect(isLoaded()).toBe(false);
    compute('trix', moving);
    expect(isLoaded()).toBe(true);
  });

  it('stand in the row of their candle', () => {
    const library = technicalLibrary();
    const trix = library.trix({ period: 5, values: close });
    expect(
      firstDifference(compute('trix', moving, { period: 5 }).value?.slice(-trix.length) ?? [], trix, relative(0)),
    ).toBeNull();
    const kst = library.kst({
      values: close,
      ROCPer1: 10,
      ROCPer2: 15,
      ROCPer3: 20,
      ROCPer4: 30,
      SMAROCPer1: 10,
      SMAROCPer2: 10,
      SMAROCPer3: 10,
      SMAROCPer4: 15,
      signalPeriod: 9,
    });
    const columns = compute('kst', moving);
    expect(
      firstDifference(
        columns.kst?.slice(-kst.length) ?? [],
        kst.map((row) => row.kst),
        relative(0),
      ),
    ).toBeNull();
    const signal = kst.map((row) => row.signal ?? Number.NaN);
    expect(firstDifference(columns.signal?.slice(-kst.length) ?? [], signal, relative(0))).toBeNull();
  });

  it('are 0 where the library drops a 0, and do not slip into the rows of other candles', () => {
    const flat = candlesFrom({ close: new Float64Array(120).fill(7) });
    const { value = [] } = compute('trix', flat, { period: 5 });
    expect([...value]).toEqual([...new Array(13).fill(Number.NaN), ...new Array(107).fill(0)]);
    expect(compute('kst', flat).signal?.at(-1)).toBe(0);
  });

  it('lose the rows of a candle that is not a number, and no other row', () => {
    const holed = candlesFrom({ close: close.map((price, row) => (row === 100 ? Number.NaN : price)) });
    const { value = [] } = compute('awesomeoscillator', holed);
    expect(value[100]).toBeNaN();
    expect([...value].slice(101).every(Number.isFinite)).toBe(true);
  });
});

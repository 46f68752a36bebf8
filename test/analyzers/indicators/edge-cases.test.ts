import { describe, expect, it } from 'vitest';
import { candlesFrom, compute } from '../../support/indicators.js';

const FLAT = candlesFrom({ close: new Float64Array(80).fill(0.3) });
const last = (name: string, output = 'value', candles = FLAT) => compute(name, candles)[output]?.at(-1);

/** `flat` candles at one price, then a market that moves. */
function flatThenMoving(flat: number, moving = 120) {
  const close = Float64Array.from({ length: flat + moving }, (_, row) => (row < flat ? 50 : 50 + 4 * Math.sin(row)));
  const shadow = (sign: number) => close.map((price, row) => (row < flat ? price : price + sign));
  return candlesFrom({ close, high: shadow(1), low: shadow(-1) });
}

describe('a price that never moves', () => {
  it.each(['sma', 'ema', 'wma', 'rma', 'hma', 'highest', 'lowest'])('is its own %s, exactly', (name) => {
    expect(last(name)).toBe(0.3);
  });

  it.each([0.1, 1 / 3, 0.0000123, 64_123.4, 7e8])('of %d is its own exponential average, exactly', (price) => {
    const candles = candlesFrom({ close: new Float64Array(300).fill(price) });
    for (const name of ['ema', 'rma']) {
      for (const period of [2, 3, 14, 20]) expect(compute(name, candles, { period }).value?.at(-1)).toBe(price);
    }
  });

  it('has bands and channels of no width around it', () => {
    for (const output of ['upper', 'middle', 'lower']) {
      expect(last('bbands', output)).toBe(0.3);
      expect(last('keltner', output)).toBe(0.3);
      expect(last('donchian', output)).toBe(0.3);
    }
  });

  it('has an RSI and an MFI of 100, as on TradingView', () => {
    expect(last('rsi')).toBe(100);
    expect(last('mfi')).toBe(100);
  });

  it.each(['zscore', 'cci', 'willr'])('has no %s', (name) => {
    expect(last(name)).toBeNaN();
  });

  it('has no position in its range and no direction', () => {
    expect([last('stoch', 'k'), last('stoch', 'd'), last('stochrsi', 'k'), last('stochrsi', 'd')]).toEqual(
      new Array(4).fill(Number.NaN),
    );
    expect([last('adx', 'adx'), last('adx', 'plusDi')]).toEqual([Number.NaN, Number.NaN]);
  });

  it('has no volatility and no momentum', () => {
    expect([last('atr'), last('stddev'), last('roc'), last('macd', 'histogram')]).toEqual([0, 0, 0, 0]);
  });
});

describe('a market that starts flat', () => {
  it.each([1, 13, 14, 15, 60])('has an ADX 27 candles after the first move, after %i flat ones', (flat) => {
    const { adx = [] } = compute('adx', flatThenMoving(flat));
    const first = [...adx].findIndex(Number.isFinite);
    expect(first).toBe(flat <= 14 ? 27 : flat + 13);
    expect([...adx].slice(first).every(Number.isFinite)).toBe(true);
  });

  it.each(['stoch', 'stochrsi'])('has a %s again as soon as its windows hold no flat range', (name) => {
    const { k = [], d = [] } = compute(name, flatThenMoving(60));
    expect([...k].slice(-60).every(Number.isFinite)).toBe(true);
    expect([...d].slice(-60).every(Number.isFinite)).toBe(true);
  });
});

describe('a market that stops', () => {
  const close = Float64Array.from({ length: 200 }, (_, row) => 50 + 4 * Math.sin(Math.min(row, 80)) + 0.1);
  const stopped = candlesFrom({ close });

  it('keeps its RSI to the bit, so that rounding errors do not become a stochastic', () => {
    const { value = new Float64Array() } = compute('rsi', stopped);
    expect(new Set(value.slice(80)).size).toBe(1);
    expect(compute('stochrsi', stopped).k?.at(-1)).toBeNaN();
  });

  it('leaves no price in the average that is not its own', () => {
    expect(compute('sma', stopped).value?.at(-1)).toBe(close.at(-1));
  });
});

describe('volume', () => {
  const close = Float64Array.from({ length: 60 }, (_, row) => 10 + (row % 5));

  it('of zero leaves the weighted averages without a value until something trades', () => {
    const volume = close.map((_, row) => (row < 40 ? 0 : 2));
    const candles = candlesFrom({ close, volume });
    const { value: vwap = [] } = compute('vwap', candles);
    expect([...vwap].slice(0, 40).every(Number.isNaN)).toBe(true);
    expect(vwap[40]).toBe(close[40]);
    const { value: vwma = [] } = compute('vwma', candles, { period: 5 });
    expect(vwma[39]).toBeNaN();
    expect(vwma[40]).toBe(close[40]);
  });

  it('of any size leaves no rounding error in the on balance volume', () => {
    const volume = close.map(() => 0.1);
    const huge = [1e17, 1e17];
    volume.set(huge, 20);
    const walk = close.map((_, row) => (row === 20 ? 11 : 10 + (row < 20 ? row / 100 : 0)));
    const { value = [] } = compute('obv', candlesFrom({ close: walk, volume }));
    expect(value[59]).toBeCloseTo(1.9, 12);
  });
});

describe('vwap', () => {
  const hour = 3_600_000;
  const from = (hours: number, count: number) =>
    candlesFrom({
      close: Float64Array.from({ length: count }, (_, row) => 100 + row),
      openTime: Float64Array.from({ length: count }, (_, row) => (hours + row) * hour),
    });

  it('starts again with each day', () => {
    const { value = [] } = compute('vwap', from(0, 50));
    expect([value[0], value[1], value[23], value[24], value[25]]).toEqual([100, 100.5, 111.5, 124, 124.5]);
  });

  it('is unknown until the data hold the beginning of a day', () => {
    const { value = [] } = compute('vwap', from(20, 10));
    expect([...value].map(Number.isNaN)).toEqual([true, true, true, true, ...new Array(6).fill(false)]);
    expect(value[4]).toBe(104);
  });

  it('of a day is the same wherever the data start', () => {
    const all = compute('vwap', from(0, 100)).value ?? [];
    const later = candlesFrom({
      close: Float64Array.from({ length: 70 }, (_, row) => 130 + row),
      openTime: Float64Array.from({ length: 70 }, (_, row) => (30 + row) * hour),
    });
    const { value = [] } = compute('vwap', later);
    for (let row = 0; row < 70; row++) {
      const known = Number.isFinite(value[row]);
      expect(known).toBe(row >= 18);
      if (known) expect(value[row]).toBe(all[row + 30]);
    }
  });
});

describe('supertrend', () => {
  it('says 1 in a down trend and -1 in an up trend, as TradingView does', () => {
    const close = Float64Array.from({ length: 120 }, (_, row) => 200 - Math.abs(60 - row) * 2);
    const candles = candlesFrom({ close, high: close.map((c) => c + 1), low: close.map((c) => c - 1) });
    const { direction = [], value = [] } = compute('supertrend', candles);
    expect([direction[55], direction[115]]).toEqual([-1, 1]);
    expect(value[55]).toBeLessThan(close[55] as number);
    expect(value[115]).toBeGreaterThan(close[115] as number);
  });
});

describe('supertrend on its first row', () => {
  it('is down even when the close has shot above its band', () => {
    const close = [10, 10, 10, 10, 10, 10, 10, 10, 10, 20];
    const candles = candlesFrom({ close, high: close, low: close.map(() => 10) });
    const { direction = [], value = [] } = compute('supertrend', candles, { period: 10, multiplier: 3 });
    expect([value[9], direction[9]]).toEqual([18, 1]);
  });
});

describe('accumulation/distribution', () => {
  it('passes over a candle without a range', () => {
    const candles = candlesFrom({ close: [10, 12, 12], high: [11, 12, 12], low: [9, 8, 12], volume: [1, 3, 5] });
    expect([...(compute('adl', candles).value ?? [])]).toEqual([0, 3, 3]);
  });
});

describe('directional movement', () => {
  it('sees none where high and low moved by the same decimal, whatever their binary rest', () => {
    expect(1.17 - 1.07).not.toBe(1.05 - 0.95);
    const candles = candlesFrom({
      close: new Float64Array(60).fill(1.06),
      high: Float64Array.from({ length: 60 }, (_, row) => (row % 2 === 0 ? 1.07 : 1.17)),
      low: Float64Array.from({ length: 60 }, (_, row) => (row % 2 === 0 ? 1.05 : 0.95)),
    });
    const { adx = [], plusDi = [], minusDi = [] } = compute('adx', candles);
    expect([adx[59], plusDi[59], minusDi[59]]).toEqual([0, 0, 0]);
  });
});

describe('series that are too short', () => {
  it.each(['sma', 'macd', 'adx', 'psar', 'obv', 'vwap', 'supertrend', 'stochrsi', 'ichimokucloud'])(
    'give %s columns of their length',
    (name) => {
      for (const length of [0, 1, 2]) {
        const columns = compute(name, candlesFrom({ close: new Float64Array(length).fill(5) }));
        for (const column of Object.values(columns)) expect(column.length).toBe(length);
      }
    },
  );
});

import { describe, expect, it } from 'vitest';
import {
  computeIndicator,
  createScratch,
  indicatorNamed,
  listIndicators,
  resolveParameters,
} from '../../../src/analyzers/indicators/registry.js';
import { candlesFrom } from '../../support/indicators.js';

const rising = candlesFrom({ close: Float64Array.from({ length: 40 }, (_, row) => 10 + row) });

describe('the registry of indicators', () => {
  it('knows the names, parameters and outputs that users depend on', () => {
    const listed = Object.fromEntries(
      listIndicators().map(({ name, parameters, outputs }) => [
        name,
        [Object.keys(parameters).join(' '), outputs.join(' ')],
      ]),
    );
    expect(listed).toMatchObject({
      sma: ['period', 'value'],
      ema: ['period', 'value'],
      wma: ['period', 'value'],
      rma: ['period', 'value'],
      rsi: ['period', 'value'],
      macd: ['fast slow signal', 'macd signal histogram'],
      bbands: ['period multiplier', 'upper middle lower'],
      atr: ['period', 'value'],
      adx: ['period smoothing', 'adx plusDi minusDi'],
      stoch: ['k d smooth', 'k d'],
      stochrsi: ['period k d smooth', 'k d'],
      cci: ['period', 'value'],
      willr: ['period', 'value'],
      mfi: ['period', 'value'],
      obv: ['', 'value'],
      vwap: ['', 'value'],
      roc: ['period', 'value'],
      donchian: ['period', 'upper middle lower'],
      keltner: ['period multiplier', 'upper middle lower'],
      supertrend: ['period multiplier', 'value direction'],
      stddev: ['period', 'value'],
      zscore: ['period', 'value'],
    });
  });

  it('lists no name twice', () => {
    const names = listIndicators().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('finds an indicator by the name that TradingView or technicalindicators gives it', () => {
    expect(indicatorNamed('bollingerbands')).toBe(indicatorNamed('bbands'));
    expect(indicatorNamed('williamsr')).toBe(indicatorNamed('willr'));
    expect(indicatorNamed('ichimoku')).toBe(indicatorNamed('ichimokucloud'));
  });

  it.each(['', 'smaa', 'SMA', 'constructor', '__proto__'])(
    'refuses the unknown name "%s" and says which are known',
    (name) => {
      expect(() => indicatorNamed(name)).toThrow(RangeError);
      expect(() => indicatorNamed(name)).toThrow(/known are sma ema/);
    },
  );

  it('releases what an indicator needed beside its outputs', () => {
    const scratch = createScratch();
    const { k, d } = computeIndicator(
      indicatorNamed('stochrsi'),
      rising,
      resolveParameters(indicatorNamed('stochrsi')),
      scratch,
    );
    expect(scratch.mark()).toBe(2);
    expect(scratch.take(40)).not.toBe(k);
    expect(scratch.take(40)).not.toBe(d);
  });

  it('gives the outputs by name', () => {
    const macd = indicatorNamed('macd');
    const columns = computeIndicator(
      macd,
      rising,
      resolveParameters(macd, { fast: 3, slow: 5, signal: 2 }),
      createScratch(),
    );
    expect(Object.keys(columns)).toEqual(['macd', 'signal', 'histogram']);
    expect(columns.macd?.at(-1)).toBeCloseTo(1, 12);
  });
});

describe('parameters', () => {
  const bbands = indicatorNamed('bbands');

  it('are the defaults where nothing is given', () => {
    expect(resolveParameters(bbands)).toEqual({ period: 20, multiplier: 2 });
    expect(resolveParameters(bbands, { multiplier: 2.5 })).toEqual({ period: 20, multiplier: 2.5 });
  });

  it('are refused when unknown, with those that are known', () => {
    expect(() => resolveParameters(bbands, { length: 20 })).toThrow(
      new RangeError('indicator bbands: unknown parameter length; it takes period, multiplier'),
    );
    expect(() => resolveParameters(indicatorNamed('obv'), { period: 20 })).toThrow(/it takes none/);
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, 10_001])('refuse a period of %s and say what is allowed', (period) => {
    expect(() => resolveParameters(bbands, { period })).toThrow(
      new RangeError(`indicator bbands: parameter period is ${period}; allowed is a whole number from 1 to 10000`),
    );
  });

  it('refuse what is not a number', () => {
    expect(() => resolveParameters(bbands, { period: '20' as unknown as number })).toThrow(RangeError);
  });
});

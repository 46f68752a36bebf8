import { describe, expect, it } from 'vitest';
import type { AnalyzerInput, SeriesAnalyzer, SymbolAnalyzer } from '../../src/analyzers/contract.js';
import type { Progress } from '../../src/analyzers/progress.js';
import { AnalyzerRegistry } from '../../src/analyzers/registry.js';
import { analyzeBatch } from '../../src/analyzers/runner.js';
import { timeframeMs } from '../../src/domain/timeframe.js';
import {
  active,
  allBuiltIns,
  batchOf,
  closingAt,
  fakeAnalyzer,
  opinion,
  randomMarket,
  run,
  type Shape,
  START,
  windowOf,
} from '../support/analyzers.js';

const market = randomMarket(7, 120);
const always = (name: string, over: Partial<SeriesAnalyzer> = {}) => fakeAnalyzer(name, () => opinion(), over);

function symbolAnalyzer(analyze: SymbolAnalyzer['analyze'], dependsOn = ['a'], warmup = 1): SymbolAnalyzer {
  const identity = { kind: 'symbol', name: 'over-all', version: '1.0.0', description: 'for a test' } as const;
  return { ...identity, dependsOn, parameters: {}, warmup: () => warmup, analyze };
}

describe('analyzeBatch', () => {
  it('makes a finding of an opinion: price and close time are those of the newest candle', () => {
    const { findings } = run(active([always('a', { version: '2.1.0' })]), windowOf(market, 'ETHUSDT', '15m'));
    expect(findings).toEqual([
      {
        ...opinion(),
        symbol: 'ETHUSDT',
        timeframe: '15m',
        analyzer: 'a',
        version: '2.1.0',
        price: market.at(-1)?.[3],
        candleCloseTime: START + market.length * timeframeMs('15m'),
        inputDigest: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    ]);
  });

  it('orders findings by symbol as given, timeframe ascending, analyzer as listed, symbol analyzers last', () => {
    const overAll = symbolAnalyzer(() => ({ ...opinion(), timeframe: '5m' }));
    const { findings } = run(
      active([always('b'), always('a'), overAll]),
      windowOf(market, 'Z', '1h'),
      windowOf(market, 'A', '5m'),
      windowOf(market, 'Z', '5m'),
    );
    expect(findings.map(({ symbol, timeframe, analyzer }) => `${symbol} ${timeframe} ${analyzer}`)).toEqual([
      'Z 5m b',
      'Z 5m a',
      'Z 1h b',
      'Z 1h a',
      'Z 5m over-all',
      'A 5m b',
      'A 5m a',
      'A 5m over-all',
    ]);
  });

  describe('withholds', () => {
    const flat = closingAt(Array<number>(120).fill(100), 0);
    const movedLast = (back: number): Shape[] =>
      flat.map((shape, index) => (index === flat.length - back ? [100, 101, 100, 100, 1_000] : shape));
    const untraded = [...market.slice(0, -1), [...(market.at(-1) as Shape).slice(0, 4), 0] as unknown as Shape];
    const reasonsFor = (shapes: readonly Shape[]) =>
      run(active([always('a', { warmup: () => 30 })]), windowOf(shapes)).withheld.map(({ reason }) => reason);

    it('a series shorter than the least demanding analyzer needs, saying how many it has and needs', () => {
      const analyzers = active([always('a', { warmup: () => 30 }), always('b', { warmup: () => 20 })]);
      expect(run(analyzers, windowOf(market.slice(0, 19))).withheld).toEqual([
        { symbol: 'BTCUSDT', timeframe: '5m', reason: 'warmup', have: 19, need: 20 },
      ]);
      expect(run(analyzers, windowOf(market.slice(0, 20))).withheld).toEqual([]);
      expect(run(active([always('a')]), windowOf([])).withheld).toMatchObject([{ reason: 'warmup', have: 0 }]);
    });

    it('a series in which no price moved within its newest 14 candles', () => {
      expect(reasonsFor(flat)).toEqual(['flat']);
      expect(reasonsFor(movedLast(15))).toEqual(['flat']);
      expect(reasonsFor(movedLast(14))).toEqual([]);
      expect(run(active([always('a')]), windowOf(flat.slice(0, 5))).withheld).toMatchObject([{ reason: 'flat' }]);
    });

    it('a series without a trade in its newest candle', () => {
      expect(reasonsFor(untraded)).toEqual(['halted']);
    });

    it('nothing else, and runs no analyzer on what it withholds', () => {
      const seen: string[] = [];
      const spy = fakeAnalyzer('a', ({ symbol }) => {
        seen.push(symbol);
        return null;
      });
      run(active([spy]), windowOf(flat, 'FLAT'), windowOf(market, 'LIVE'), windowOf(untraded, 'HALTED'));
      expect(seen).toEqual(['LIVE']);
    });
  });

  it('skips and counts an analyzer on a series that is too short for it alone', () => {
    const { findings, runs, withheld } = run(
      active([always('patient', { warmup: () => 121 }), always('quick')]),
      windowOf(market),
    );
    expect(findings.map(({ analyzer }) => analyzer)).toEqual(['quick']);
    expect(withheld).toEqual([]);
    expect(runs.map(({ analyzer, findings: found, warmup }) => ({ analyzer, found, warmup }))).toEqual([
      { analyzer: 'patient', found: 0, warmup: 1 },
      { analyzer: 'quick', found: 1, warmup: 0 },
    ]);
  });

  it('counts failures by analyzer and reason, with the message of the first', () => {
    const fails = fakeAnalyzer('fails', ({ symbol }) => {
      if (symbol === 'ODD') return opinion({ strength: 2 });
      throw new RangeError(`no ${symbol}`);
    });
    const { findings, failures } = run(
      active([fails, always('works')]),
      ...['A', 'ODD', 'B'].map((symbol) => windowOf(market, symbol)),
    );
    expect(failures).toEqual([
      { analyzer: 'fails', reason: 'threw', message: 'RangeError: no A', count: 2 },
      { analyzer: 'fails', reason: 'invalid', message: 'strength is 2, not a number from 0 to 1', count: 1 },
    ]);
    expect(findings.map(({ symbol }) => symbol)).toEqual(['A', 'ODD', 'B']);
  });

  it('counts an unknown indicator or parameter as a failure of the analyzer that asked', () => {
    const asks = fakeAnalyzer('asks', (input) => {
      input.indicator('ema', { period: 0 });
      return null;
    });
    expect(run(active([asks]), windowOf(market)).failures).toMatchObject([
      { analyzer: 'asks', reason: 'threw', message: expect.stringContaining('parameter period is 0') },
    ]);
  });

  it('computes an indicator once per series, whoever asks and however the parameters are written', () => {
    const seen: Float64Array[] = [];
    const asking = (name: string, parameters?: Record<string, number>) =>
      fakeAnalyzer(name, (input) => {
        seen.push(input.indicator('macd', parameters)['macd'] as Float64Array);
        return null;
      });
    run(
      active([
        asking('a'),
        asking('b', { slow: 26, fast: 12 }),
        asking('c', { fast: 12, slow: 26, signal: 9 }),
        asking('d', { fast: 5 }),
      ]),
      windowOf(market),
    );
    const [a, b, c, d] = seen;
    expect(b).toBe(a);
    expect(c).toBe(a);
    expect(d).not.toBe(a);
  });

  it('gives an analyzer of others copies, and one of the product the shared columns', () => {
    const registry = new AnalyzerRegistry([always('own')]);
    const inputs: AnalyzerInput[] = [];
    const spoils = (name: string) =>
      fakeAnalyzer(name, (input) => {
        inputs.push(input);
        input.candles.close.fill(0);
        (input.indicator('sma')['value'] as Float64Array).fill(0);
        return null;
      });
    registry.add([spoils('first'), spoils('second')], '/plugins/spoils.mjs');
    const window = windowOf(market);
    const before = new Uint8Array(window.buffer.slice(0));
    const readsAfter = fakeAnalyzer('reads', (input) =>
      opinion({ reasons: [String(input.indicator('sma')['value']?.at(-1))] }),
    );
    registry.add(readsAfter, '/plugins/reads.mjs');
    const { findings } = run(registry.enable(), window);
    expect(inputs).toHaveLength(2);
    expect(new Uint8Array(window.buffer)).toEqual(before);
    expect(Number(findings.find(({ analyzer }) => analyzer === 'reads')?.reasons[0])).toBeGreaterThan(0);
  });

  describe('input digest', () => {
    const digest = (analyzer: SeriesAnalyzer, shapes: readonly Shape[], parameters = {}) =>
      run(active([analyzer], parameters), windowOf(shapes)).findings[0]?.inputDigest;
    const base = digest(always('a', { parameters: { x: 1 } }), market);

    it('is the same for the same analyzer and candles', () => {
      expect(digest(always('a', { parameters: { x: 1 } }), market)).toBe(base);
    });

    it.each([
      ['name', always('b', { parameters: { x: 1 } }), market, {}],
      ['version', always('a', { parameters: { x: 1 }, version: '1.0.1' }), market, {}],
      ['parameters', always('a', { parameters: { x: 1 } }), market, { x: 2 }],
      ['window', always('a', { parameters: { x: 1 } }), market.slice(1), {}],
      [
        'one volume',
        always('a', { parameters: { x: 1 } }),
        market.map((shape, index): Shape => (index === 5 ? [shape[0], shape[1], shape[2], shape[3], 1] : shape)),
        {},
      ],
    ])('changes with the %s', (_, analyzer, shapes, parameters) => {
      expect(digest(analyzer, shapes, parameters)).not.toBe(base);
    });
  });

  describe('symbol analyzer', () => {
    it('sees the findings of those it depends on and the views of its timeframes, ascending', () => {
      const seen: unknown[] = [];
      const overAll = symbolAnalyzer((input) => {
        seen.push(
          input.timeframes,
          input.findings('1h').map(({ analyzer }) => analyzer),
          input.series('1h').length,
        );
        expect(() => input.series('4h')).toThrow('timeframe 4h was not analyzed');
        return { ...opinion(), timeframe: '1h' };
      });
      const { findings, failures } = run(
        active([always('a'), always('b'), overAll]),
        windowOf(market, 'X', '1h'),
        windowOf(market.slice(0, 99), 'X', '5m'),
      );
      expect(failures).toEqual([]);
      expect(seen).toEqual([['5m', '1h'], ['a'], 120]);
      expect(findings.at(-1)).toMatchObject({ analyzer: 'over-all', timeframe: '1h', price: market.at(-1)?.[3] });
    });

    it('runs on the timeframes that have enough candles, and counts the others', () => {
      const seen: unknown[] = [];
      const overAll = symbolAnalyzer(
        ({ timeframes }) => {
          seen.push(timeframes);
          return null;
        },
        ['a'],
        100,
      );
      const short = windowOf(market.slice(0, 99), 'X', '5m');
      const { runs } = run(
        active([always('a'), overAll]),
        short,
        windowOf(market, 'X', '15m'),
        windowOf(market.slice(21), 'Y'),
      );
      expect(seen).toEqual([['15m']]);
      expect(runs.at(-1)).toMatchObject({ analyzer: 'over-all', warmup: 2 });
    });

    it('is invalid when it names a timeframe that it was not given', () => {
      const { failures } = run(
        active([always('a'), symbolAnalyzer(() => ({ ...opinion(), timeframe: '4h' }))]),
        windowOf(market),
      );
      expect(failures).toMatchObject([{ reason: 'invalid', message: "timeframe is '4h', not one of 5m" }]);
    });

    it('cannot change the findings of others', () => {
      const overAll = symbolAnalyzer((input) => {
        Object.assign(input.findings('5m')[0] as object, { strength: 1 });
        return null;
      });
      const { findings, failures } = run(active([always('a'), overAll]), windowOf(market));
      expect(findings[0]?.strength).toBe(0.5);
      expect(failures).toMatchObject([{ analyzer: 'over-all', reason: 'threw' }]);
    });
  });

  it('tells the progress of every call by position, and measures by the given clock', () => {
    const steps: string[] = [];
    const progress: Progress = {
      reset: () => steps.push('reset'),
      begin: (step) => steps.push(`begin ${step}`),
      end: (step, elapsedMs) => steps.push(`end ${step} ${elapsedMs}`),
    };
    let nowMs = 0;
    const clock = { monotonic: () => nowMs };
    const slow = fakeAnalyzer('slow', () => {
      nowMs += 7;
      throw new Error('after 7 ms');
    });
    const result = analyzeBatch(batchOf(windowOf(market)), active([always('a'), slow]), { progress, clock });
    expect(steps).toEqual(['reset', 'begin 0', 'end 0 0', 'begin 1', 'end 1 7']);
    expect(result.durationMs).toBe(7);
    expect(result.runs.map(({ durationMs }) => durationMs)).toEqual([0, 7]);
  });

  it('gives an empty result for an empty batch and for no analyzers', () => {
    expect(run(allBuiltIns())).toMatchObject({ findings: [], withheld: [], failures: [] });
    expect(run([], windowOf(market))).toMatchObject({ findings: [], withheld: [], failures: [], runs: [] });
  });
});

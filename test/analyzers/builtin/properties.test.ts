import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtInAnalyzers } from '../../../src/analyzers/builtin/index.js';
import { AnalyzerRegistry } from '../../../src/analyzers/registry.js';
import type { Finding } from '../../../src/domain/signal.js';
import {
  active,
  allBuiltIns,
  mirrored,
  randomMarket,
  run,
  type Shape,
  scaled,
  windowOf,
} from '../../support/analyzers.js';

const MARKETS = 40;
const CANDLES = 200;
const timeframes = ['5m', '15m', '1h'] as const;

/** Everything found on a market seen as three timeframes of one symbol; failures are errors. */
function findingsOf(shapes: readonly Shape[], analyzers = allBuiltIns()): readonly Finding[] {
  const { findings, failures } = run(
    analyzers,
    ...timeframes.map((timeframe) => windowOf(shapes, 'BTCUSDT', timeframe)),
  );
  expect(failures).toEqual([]);
  return findings;
}

/** What was found, without what depends on the scale by its nature. */
const opinions = (findings: readonly Finding[]) =>
  findings.map(({ price: _price, inputDigest: _inputDigest, ...opinion }) => opinion);

describe('built-in analyzers', () => {
  it('have unique names, version 1.0.0 and a warm-up that the first 99 candles of a cold series satisfy', () => {
    const all = allBuiltIns();
    expect(new Set(all.map(({ analyzer }) => analyzer.name)).size).toBe(9);
    for (const { analyzer, warmup } of all) {
      expect(analyzer.version).toBe('1.0.0');
      expect(warmup).toBeLessThanOrEqual(99);
    }
  });

  it('hold the same opinion at a price scale 2^k, to the last digit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: -20, max: 20 }), (seed, exponent) => {
        const market = randomMarket(seed, CANDLES);
        expect(opinions(findingsOf(scaled(market, 2 ** exponent)))).toEqual(opinions(findingsOf(market)));
      }),
      { seed: 1, numRuns: MARKETS },
    );
  });

  it('give finite strengths from 0 to 1 and readable reasons', () => {
    for (let seed = 1; seed <= MARKETS; seed++) {
      for (const { strength, reasons, price } of findingsOf(randomMarket(seed, CANDLES, 1e-5 * 10 ** (seed % 11)))) {
        expect(strength).toBeGreaterThan(0);
        expect(strength).toBeLessThanOrEqual(1);
        expect(price).toBeGreaterThan(0);
        expect(reasons.join(' ')).not.toMatch(/NaN|Infinity|undefined|e[+-]\d/);
      }
    }
  });

  it('say of a window the same when it is seen again and when others were seen in between', () => {
    const analyzers = allBuiltIns();
    const markets = Array.from({ length: 40 }, (_, seed) => windowOf(randomMarket(seed, CANDLES), `S${seed}`));
    const together = run(analyzers, ...markets).findings;
    expect(together.length).toBeGreaterThan(0);
    expect(markets.toReversed().flatMap((window) => run(analyzers, window).findings)).toEqual(
      markets.toReversed().flatMap(({ symbol }) => together.filter((finding) => finding.symbol === symbol)),
    );
  });

  it('hold with 99 candles nearly the opinion that they hold with 300', () => {
    const [long, short] = [300, 99].map((candles) =>
      Array.from({ length: 150 }, (_, seed) => findingsOf(randomMarket(seed, 300).slice(-candles)))
        .flat()
        .map(({ price, analyzer, timeframe, direction }) => `${price} ${analyzer} ${timeframe} ${direction}`),
    ) as [string[], string[]];
    const same = short.filter((finding) => long.includes(finding)).length;
    expect(long.length).toBeGreaterThan(20);
    expect(same / Math.max(long.length, short.length)).toBeGreaterThan(0.95);
  });

  it('turn their direction on the mirrored market', () => {
    const series = active(builtInAnalyzers.filter(({ kind }) => kind === 'series'));
    for (let seed = 1; seed <= MARKETS; seed++) {
      const market = randomMarket(seed, CANDLES);
      const flipped = findingsOf(mirrored(market), series).map(({ analyzer, direction }) => `${analyzer} ${direction}`);
      const expected = findingsOf(market, series).map(
        ({ analyzer, direction }) => `${analyzer} ${direction === 'long' ? 'short' : 'long'}`,
      );
      // Candlestick patterns are shapes in percent of the price, which a mirror does not keep.
      expect(flipped.filter((text) => !text.startsWith('patterns'))).toEqual(
        expected.filter((text) => !text.startsWith('patterns')),
      );
    }
  });

  it('signal on a random market on 0.2 to 5 % of the candles each', () => {
    const counts = new Map<string, number>();
    let candles = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const market = randomMarket(seed, 400);
      for (let end = 300; end <= market.length; end += 5) {
        candles += 1;
        for (const { analyzer } of run(allBuiltIns(), windowOf(market.slice(end - 300, end))).findings) {
          counts.set(analyzer, (counts.get(analyzer) ?? 0) + 1);
        }
      }
    }
    for (const { name, kind } of builtInAnalyzers) {
      if (kind === 'symbol') continue;
      const share = (counts.get(name) ?? 0) / candles;
      expect(share, name).toBeGreaterThan(0.002);
      expect(share, name).toBeLessThan(0.05);
    }
  });

  it.each([
    ['trend', { fast: 21 }, /fast is 21, allowed is less than slow \(21\)/],
    ['macd', { slow: 26.5 }, /slow is 26.5, allowed is a whole number from 1 to 10000/],
    ['supertrend', { multiplier: 0 }, /multiplier is 0, allowed is a number above 0/],
    ['confluence', { findings: 0 }, /findings is 0, allowed is a whole number from 1 to 10000/],
  ])('%s refuses parameters that make no sense: %o', (name, parameters, message) => {
    const enabled = name === 'confluence' ? [{ name: 'trend' }, { name, parameters }] : [{ name, parameters }];
    expect(() => new AnalyzerRegistry(builtInAnalyzers).enable(enabled)).toThrow(message);
  });
});

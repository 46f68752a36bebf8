import { describe, expect, it } from 'vitest';
import { allBuiltIns, randomMarket, run, type Shape, windowOf } from '../support/analyzers.js';

/** A made-up market that ends with a candle on which a built-in analyzer has something to say. */
function eventful(seed: number): Shape[] {
  const market = randomMarket(seed, 400);
  for (let end = 200; end <= market.length; end++) {
    const shapes = market.slice(end - 200, end);
    if (run(allBuiltIns(), windowOf(shapes)).findings.length > 0) return shapes;
  }
  throw new Error(`nothing happens in the market of seed ${seed}`);
}

/** What a delisted symbol shows: its last price, and nobody who trades. */
function dead([, , , close]: Shape, candles: number): Shape[] {
  return Array.from({ length: candles }, () => [close, close, close, close, 0]);
}

describe('a market that has died', () => {
  it.each([1, 2, 3, 4])(
    'X14: gives no signal from its first flat candle on, however lively it was before (seed %i)',
    (seed) => {
      const market = eventful(seed);
      for (const candles of [1, 2, 13, 14, 15, 60, 200]) {
        const result = run(allBuiltIns(), windowOf([...market, ...dead(market.at(-1) as Shape, candles)]));
        expect(result.findings).toEqual([]);
        expect(result.failures).toEqual([]);
        expect(result.withheld).toMatchObject([{ reason: candles < 14 ? 'halted' : 'flat' }]);
      }
    },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Series } from '../../src/domain/series.js';
import { liquidityHeld, liquidityOrder, priorityOrder } from '../../src/pipeline/priority.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { named } from '../support/universe.js';

const STEP = 300_000;

/** A store of one series per symbol, of candles with these closes and volumes. */
function storeOf(
  markets: Readonly<Record<string, readonly (readonly [close: number, volume: number])[]>>,
): MemoryStore {
  const store = new MemoryStore();
  for (const [symbol, candles] of Object.entries(markets)) {
    const series = new Series(symbol, '5m', 300);
    for (const [index, [close, volume]] of candles.entries()) {
      series.append([index * STEP, close, close, close, close, volume], 'history', Number.MAX_SAFE_INTEGER);
    }
    store.set(series);
  }
  return store;
}

describe('liquidityOrder', () => {
  it('puts first what traded most in the quote asset, not in the base asset', () => {
    const store = storeOf({
      MANYUSDT: [[0.01, 50_000]],
      DEARUSDT: [
        [80_000, 1],
        [80_000, 0.5],
      ],
      DEADUSDT: [[5, 0]],
    });
    const symbols = ['NONEUSDT', 'DEADUSDT', 'MANYUSDT', 'DEARUSDT'];
    expect(Object.fromEntries(liquidityHeld(symbols, store, '5m'))).toEqual({
      NONEUSDT: 0,
      DEADUSDT: 0,
      MANYUSDT: 500,
      DEARUSDT: 120_000,
    });
    expect(liquidityOrder(symbols, store, '5m')).toEqual(['DEARUSDT', 'MANYUSDT', 'NONEUSDT', 'DEADUSDT']);
  });

  it('compares the same number of newest candles, however many are held', () => {
    const busyLongAgo = Array.from({ length: 300 }, (_, index) => [1, index < 204 ? 1_000 : 1] as const);
    const store = storeOf({ OLDUSDT: busyLongAgo, NEWUSDT: Array.from({ length: 99 }, () => [1, 2] as const) });
    expect(Object.fromEntries(liquidityHeld(['OLDUSDT', 'NEWUSDT'], store, '5m'))).toEqual({
      OLDUSDT: 96,
      NEWUSDT: 192,
    });
  });
});

describe('priorityOrder', () => {
  const symbols = named(6);
  const liquidity = new Map(symbols.map((symbol, index) => [symbol, 100 - index]));

  it('alternates between the newest signals and the most liquid symbols', () => {
    const recentSignals = new Map([
      ['S5USDT', 200],
      ['S4USDT', 300],
      ['S0USDT', 100],
    ]);
    expect(priorityOrder(symbols, { liquidity, recentSignals })).toEqual([
      'S4USDT',
      'S0USDT',
      'S5USDT',
      'S1USDT',
      'S2USDT',
      'S3USDT',
    ]);
  });

  it('is by liquidity alone when nothing signalled, and the order given when nothing is known', () => {
    expect(priorityOrder(symbols.toReversed(), { liquidity, recentSignals: new Map() })).toEqual(symbols);
    expect(priorityOrder(symbols, { liquidity: new Map(), recentSignals: new Map() })).toEqual(symbols);
  });

  it('gives every symbol once, none later than twice its better rank, and none that was not asked for', () => {
    const ranks = fc
      .dictionary(fc.constantFrom(...named(12)), fc.nat(20))
      .map((entries) => new Map(Object.entries(entries)));
    fc.assert(
      fc.property(fc.shuffledSubarray(named(10)), ranks, ranks, (asked, liquidity, recentSignals) => {
        const ordered = priorityOrder(asked, { liquidity, recentSignals });
        expect(ordered.toSorted()).toEqual(asked.toSorted());
        const by = (values: ReadonlyMap<string, number>, list: readonly string[]) =>
          list.toSorted((a, b) => (values.get(b) ?? 0) - (values.get(a) ?? 0));
        const liquid = by(liquidity, asked);
        const signalled = by(
          recentSignals,
          liquid.filter((symbol) => recentSignals.has(symbol)),
        );
        for (const [position, symbol] of ordered.entries()) {
          const better = Math.min(
            ...[liquid, signalled].map((list) => list.indexOf(symbol)).filter((rank) => rank >= 0),
          );
          expect(position).toBeLessThanOrEqual(2 * better + 1);
        }
      }),
    );
  });
});

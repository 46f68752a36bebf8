import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Universe } from '../../src/pipeline/universe.js';
import { changeTo, doubtOf, without } from '../../src/pipeline/universe-change.js';
import { instrument, named } from '../support/universe.js';

const universe = (symbols: readonly string[], excluded: Universe['excluded'] = []): Universe => ({
  instruments: symbols.map((symbol) => instrument(symbol)),
  excluded,
});
const symbolsOf = ({ instruments }: Universe) => instruments.map(({ symbol }) => symbol);
const someSymbols = fc.shuffledSubarray(named(12));

describe('changeTo', () => {
  it('gives exactly the new symbols, and every step from the old ones is named and in order', () => {
    fc.assert(
      fc.property(someSymbols, someSymbols, (before, after) => {
        const { added, removed, universe: next } = changeTo(universe(before), universe(after));
        const gone = new Set(removed.map(({ symbol }) => symbol));
        expect(symbolsOf(next).toSorted()).toEqual(after.toSorted());
        expect(symbolsOf(next)).toEqual([
          ...before.filter((symbol) => !gone.has(symbol)),
          ...added.map(({ symbol }) => symbol),
        ]);
        expect(added.map(({ symbol }) => symbol)).toEqual(after.filter((symbol) => !before.includes(symbol)));
        expect([...gone]).toEqual(before.filter((symbol) => !after.includes(symbol)));
      }),
    );
  });

  it("takes over the newer list's rows and exclusions", () => {
    const excluded = [{ symbol: 'S1USDT', reason: 'minAge', found: '2026-01-01' }] as const;
    const renewed = { ...universe([], excluded), instruments: [instrument('S0USDT', { onboardTime: 5 })] };
    const change = changeTo(universe(named(2)), renewed);
    expect(change.universe).toEqual(renewed);
    expect(change.removed).toEqual(excluded);
  });
});

describe('without', () => {
  it('moves symbols to the excluded ones and passes over those that are not there', () => {
    const out = named(3, 1).map((symbol) => ({ symbol, reason: 'status', found: 'CLOSE' }) as const);
    const left = without(universe(named(3)), out);
    expect(symbolsOf(left)).toEqual(['S0USDT']);
    expect(left.excluded).toEqual(out.slice(0, 2));
  });
});

describe('doubtOf', () => {
  it('believes, whatever was doubted before, a list that keeps half; and a cut one only when most of it was cut before', () => {
    fc.assert(
      fc.property(fc.subarray(named(9)), fc.subarray(named(9)), (lost, lostBefore) => {
        const removed = lost.map((symbol) => ({ symbol, reason: 'unlisted', found: '' }) as const);
        const doubt = doubtOf(universe(named(9)), removed, new Set(lostBefore));
        const both = lost.filter((symbol) => lostBefore.includes(symbol));
        expect(doubt === null).toBe(lost.length < 5 || both.length >= 5);
        if (doubt !== null) expect([...doubt]).toEqual(lost);
      }),
    );
  });

  it('never doubts about nothing', () => {
    expect(doubtOf(universe([]), [], null)).toBeNull();
  });
});

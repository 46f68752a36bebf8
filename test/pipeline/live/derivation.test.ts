import { describe, expect, it } from 'vitest';
import type { CandleRow } from '../../../src/domain/candle.js';
import { Series } from '../../../src/domain/series.js';
import { Assembly } from '../../../src/pipeline/live/assembly.js';
import { zeroCounts } from '../../../src/pipeline/live/counts.js';
import { Derivation } from '../../../src/pipeline/live/derivation.js';
import { FormingCandles } from '../../../src/pipeline/live/forming.js';
import { MemoryStore } from '../../../src/pipeline/store.js';
import { rowsUntil, seriesOf } from '../../support/candles.js';

const SLOT = Date.parse('2026-01-01T12:00:00Z');
const STEP = 300_000;
const key = (timeframe: '5m' | '15m' | '1h') => ({ symbol: 'AUSDT', timeframe });

function build() {
  const store = new MemoryStore();
  const counts = zeroCounts();
  return { store, counts, derivation: new Derivation({ store, base: '5m', longer: ['15m', '1h'], counts }) };
}

describe('Derivation', () => {
  it('leaves out timeframes that the base does not divide', () => {
    const { store, counts } = build();
    const derivation = new Derivation({ store, base: '8h', longer: ['12h', '1d', '1w'], counts });
    expect(derivation.longer).toEqual(['1d', '1w']);
  });

  it('goes on over every whole span at once, and starts no series', () => {
    const { store, counts, derivation } = build();
    store.set(seriesOf('AUSDT', '5m', rowsUntil(SLOT, '5m', 30)));
    store.set(seriesOf('AUSDT', '15m', rowsUntil(SLOT - 12 * STEP, '15m', 5)));
    derivation.extend('AUSDT');
    expect(store.get(key('15m'))?.lastOpenTime).toBe(SLOT - 3 * STEP);
    expect(store.get(key('1h'))).toBeUndefined();
    expect(counts.derived).toBe(4);
  });

  it('reaches a series only when the base goes back to its end', () => {
    const { store, derivation } = build();
    store.set(seriesOf('AUSDT', '15m', rowsUntil(SLOT - 12 * STEP, '15m', 5)));
    expect(derivation.reaches(key('15m'))).toBe(false);
    store.set(seriesOf('AUSDT', '5m', rowsUntil(SLOT, '5m', 11)));
    expect(derivation.reaches(key('15m'))).toBe(false);
    store.set(seriesOf('AUSDT', '5m', rowsUntil(SLOT, '5m', 12)));
    expect([derivation.reaches(key('15m')), derivation.reaches(key('1h')), derivation.reaches(key('5m'))]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('Assembly', () => {
  it('starts no series with a candle of the stream, not even an empty one that is held', () => {
    const { store, counts, derivation } = build();
    const ignore = () => {};
    const assembly = new Assembly({ store, derivation, counts, onAdvanced: ignore, onGap: ignore, onRevision: ignore });
    store.set(new Series('AUSDT', '5m', 300));
    assembly.take('AUSDT', { row: rowsUntil(SLOT, '5m', 1)[0] as CandleRow, how: 'flag' });
    expect(store.get(key('5m'))?.length).toBe(0);
  });

  it('counts a row that no series can hold', () => {
    const { store, counts, derivation } = build();
    const ignore = () => {};
    const assembly = new Assembly({ store, derivation, counts, onAdvanced: ignore, onGap: ignore, onRevision: ignore });
    store.set(seriesOf('AUSDT', '5m', rowsUntil(SLOT, '5m', 3)));
    assembly.take('AUSDT', { row: [SLOT, 1, 2, 3, 4, 5], how: 'flag' });
    expect(counts).toMatchObject({ refused: 1, closed: { flag: 0 } });
  });
});

describe('FormingCandles', () => {
  it('keeps the newest state of two candles of a symbol and no more', () => {
    const forming = new FormingCandles();
    const row = (step: number, close: number): CandleRow => [SLOT + step * STEP, 1, 9, 1, close, 1];
    for (const [step, close] of [
      [0, 1],
      [1, 2],
      [1, 3],
      [2, 4],
    ] as const) {
      forming.set('AUSDT', row(step, close));
    }
    expect([0, 1, 2].map((step) => forming.get('AUSDT', SLOT + step * STEP)?.[4])).toEqual([undefined, 3, 4]);
    forming.delete('AUSDT');
    expect(forming.get('AUSDT', SLOT + STEP)).toBeNull();
  });
});

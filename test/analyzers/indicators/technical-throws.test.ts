import { expect, it, vi } from 'vitest';
import { candlesFrom, compute } from '../../support/indicators.js';

vi.mock('../../../src/analyzers/indicators/technical/library.js', () => ({
  technicalLibrary: () => ({
    AverageGain: class {
      #candles = 0;
      nextValue() {
        this.#candles += 1;
        // The library throws plain strings.
        if (this.#candles > 20) throw 'it cannot take this';
        return this.#candles;
      }
    },
  }),
}));

it('an indicator whose library throws has no value from there on and keeps what it had', () => {
  const { value = [] } = compute('averagegain', candlesFrom({ close: new Float64Array(30).fill(1) }));
  expect([...value]).toEqual([...Array.from({ length: 20 }, (_, row) => row + 1), ...new Array(10).fill(Number.NaN)]);
});

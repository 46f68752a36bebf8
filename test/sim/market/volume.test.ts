import { describe, expect, it } from 'vitest';
import { seededMarket } from '../../../src/sim/market/seeded/seeded-market.js';
import { closedRows, NOW } from '../../support/sim.js';

describe('the volumes of the whole seeded market', () => {
  it('are plain decimals in every row, however wild the spike', () => {
    const market = seededMarket({ symbols: 530, seed: 1, now: NOW });
    for (const { symbol } of market.listings) {
      for (const row of closedRows(market, symbol, '5m', 500, NOW)) {
        for (const cell of [row[5], row[7], row[9], row[10]]) expect(cell).toMatch(/^\d+(\.\d+)?$/);
      }
    }
  });
});

import { describe, expect, it } from 'vitest';
import { seededMarket } from '../../../src/sim/market/seeded/seeded-market.js';
import { NOW } from '../../support/sim.js';

describe('the rows of the whole seeded market', () => {
  it('hold nothing but plain decimals, however wild the spike', () => {
    const market = seededMarket({ symbols: 530, seed: 1, now: NOW });
    for (const listing of market.listings) {
      const page = market.page(listing, '5m', { limit: 400 }, NOW);
      const text = page.closedKey === null ? '' : Buffer.from(page.closedRows()).toString('latin1');
      const odd = /[^[\]",.\d]|""|\.\D/.exec(text);
      expect(odd === null ? null : `${listing.symbol}: ${text.slice(odd.index - 60, odd.index + 60)}`).toBeNull();
    }
  });
});

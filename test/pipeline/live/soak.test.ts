import { describe, expect, it } from 'vitest';
import { settled } from '../../support/fake-clock.js';
import { SLOTS, SYMBOLS, soak } from '../../support/live-soak.js';

const SEEDS = Number(process.env['CANDLESCAN_TEST_SEEDS'] ?? 4);
const FIRST_SEED = Number(process.env['CANDLESCAN_TEST_SEED'] ?? 1);

describe('500 minutes on a bad network', () => {
  it(
    `W10: leave the same bytes in every store as on a good one, for seeds ${FIRST_SEED} to ${FIRST_SEED + SEEDS - 1}`,
    async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        // The simulation itself never lets the event loop turn.
        await settled();
        const { good, bad } = await soak(seed);
        for (const { lies, errors, timersLeft } of [good, bad]) {
          expect({ lies, errors, timersLeft }, `seed ${seed}`).toEqual({ lies: [], errors: [], timersLeft: 0 });
        }
        expect(good.incomplete, `seed ${seed}`).toBe(0);
        expect(good.gaps, `seed ${seed}`).toEqual({ repaired: 0, unrepaired: 0 });
        expect(bad.bytes, `seed ${seed}`).toEqual(good.bytes);
        expect(bad.reconnects, `seed ${seed}`).toBeGreaterThan(2);
        expect(bad.closed.rest, `seed ${seed}`).toBeGreaterThan(good.closed.rest);
        // Every base candle came once, by whichever way: history brings only what a cycle finds missing before its slot.
        const total = bad.closed.flag + bad.closed.later + bad.closed.rest;
        expect(total, `seed ${seed}`).toBeLessThanOrEqual(SYMBOLS.length * SLOTS);
      }
    },
    20_000 * Math.max(1, SEEDS),
  );
});

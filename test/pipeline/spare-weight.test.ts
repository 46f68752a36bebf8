import { describe, expect, it } from 'vitest';
import { waitForSpareMs } from '../../src/pipeline/spare-weight.js';

const MINUTE = { budget: 1_920, weightUsed: 0, waiting: 0, closedForMs: 0, exchangeNow: () => 60_000 * 7 + 15_000 };

describe('waitForSpareMs', () => {
  it.each([
    ['0 while half of the budget is free', {}, 0, 0],
    ['0 up to the last unit of half the budget', { weightUsed: 958 }, 0, 0],
    ['the rest of the minute beyond half of the budget', { weightUsed: 959 }, 0, 45_000],
    ['0 up to what has to stay free', { weightUsed: 98 }, 1_820, 0],
    ['the rest of the minute beyond what has to stay free', { weightUsed: 99 }, 1_820, 45_000],
    ['the rest of the minute when everything has to stay free', {}, 1_920, 45_000],
    ['a moment while others wait', { waiting: 1 }, 0, 1_000],
    ['until the gate opens, whatever else', { closedForMs: 77, waiting: 3, weightUsed: 5_000 }, 0, 77],
  ])('is %s', (_, state, keepFree, expected) => {
    expect(waitForSpareMs({ ...MINUTE, ...state }, 2, keepFree)).toBe(expected);
  });
});

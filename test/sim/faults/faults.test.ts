import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/lib/random.js';
import { Faults } from '../../../src/sim/faults/faults.js';
import { type FaultRuleInput, parseFaultRules } from '../../../src/sim/faults/rule.js';

const klines = { path: '/fapi/v1/klines', symbol: 'BTCUSDT', interval: '5m' };
const html = { type: 'html' } as const;

/** Which of `count` equal requests are struck. */
function struck(faults: Faults, count: number, target = klines): number[] {
  return Array.from({ length: count }, (_, index) => index).filter(() => faults.strike(target) !== null);
}

function one(rule: Omit<FaultRuleInput, 'action'>): Faults {
  const faults = new Faults(seededRandom(5));
  faults.add({ ...rule, action: html });
  return faults;
}

describe('a fault rule', () => {
  it('strikes every request when it has no condition', () => {
    expect(struck(one({}), 3)).toEqual([0, 1, 2]);
  });

  it('strikes by path, whole or its end, by symbol and by interval', () => {
    const strikes = (rule: object, target: object) => one(rule).strike({ ...klines, ...target }) !== null;
    expect(strikes({ path: 'klines' }, {})).toBe(true);
    expect(strikes({ path: '/fapi/v1/klines' }, {})).toBe(true);
    expect(strikes({ path: 'lines' }, {})).toBe(false);
    expect(strikes({ path: ['ping', 'time'] }, { path: '/fapi/v1/time' })).toBe(true);
    expect(strikes({ symbol: 'btcusdt' }, {})).toBe(true);
    expect(strikes({ symbol: ['ETHUSDT'] }, {})).toBe(false);
    expect(strikes({ symbol: 'BTCUSDT' }, { symbol: null })).toBe(false);
    expect(strikes({ interval: ['15m', '5m'] }, {})).toBe(true);
    expect(strikes({ interval: '1m' }, { interval: '1M' })).toBe(false);
  });

  it('lets requests through first, takes every n-th, and ends after its count', () => {
    expect(struck(one({ after: 2, everyNth: 3, count: 2 }), 20)).toEqual([4, 7]);
  });

  it('strikes with its probability, the same way for the same seed', () => {
    const first = struck(one({ probability: 0.3 }), 1_000);
    expect(first.length).toBeGreaterThan(230);
    expect(first.length).toBeLessThan(370);
    expect(struck(one({ probability: 0.3 }), 1_000)).toEqual(first);
    expect(struck(one({ probability: 0 }), 100)).toEqual([]);
  });

  it('gives way to the first rule that strikes', () => {
    const faults = new Faults(seededRandom(1));
    faults.add([{ everyNth: 2, action: { type: 'forbidden' } }, { action: html }]);
    expect([faults.strike(klines)?.type, faults.strike(klines)?.type]).toEqual(['html', 'forbidden']);
    expect(faults.list().map(({ matched, fired }) => [matched, fired])).toEqual([
      [2, 1],
      [1, 1],
    ]);
  });
});

describe('a rule as it is written', () => {
  it('is read with its defaults', () => {
    expect(parseFaultRules({ path: 'klines', action: { type: 'limited' } })).toEqual([
      { path: ['klines'], after: 0, everyNth: 1, probability: 1, action: { type: 'limited' } },
    ]);
  });

  it('is refused with the place and what was found', () => {
    expect(() => parseFaultRules('nonsense')).toThrow(/^fault rule 0.*found "nonsense"$/);
    expect(() => parseFaultRules({ actoin: {} })).toThrow(/^fault rule 0.*found \{"actoin":\{\}\}$/);
    expect(() => parseFaultRules([{ action: { type: 'cut' } }])).toThrow(/^fault rule 0\.action\.bytes: /);
  });
});

import { describe, expect, it } from 'vitest';
import type { Instrument } from '../../src/pipeline/exchange/contract.js';
import { needsQuoteVolumes, selectUniverse, type UniverseFilters, unmetInclude } from '../../src/pipeline/universe.js';

const NOW = 1_767_225_600_000;
const DAY = 86_400_000;

function instrument(symbol: string, more: Partial<Instrument> = {}): Instrument {
  return {
    symbol,
    unified: `${symbol}/USDT:USDT`,
    baseAsset: symbol,
    quoteAsset: 'USDT',
    contractType: 'PERPETUAL',
    status: 'TRADING',
    onboardTime: NOW - 400 * DAY,
    ...more,
  };
}

const FILTERS: UniverseFilters = {
  quote: 'USDT',
  include: [],
  exclude: [],
  contractTypes: ['PERPETUAL'],
  maxSymbols: null,
  minAgeMs: null,
  minQuoteVolume24h: null,
};

function reasons(instruments: Instrument[], filters: Partial<UniverseFilters>, volumes?: Map<string, number>) {
  const universe = selectUniverse(instruments, { ...FILTERS, ...filters }, NOW, volumes);
  return {
    kept: universe.instruments.map(({ symbol }) => symbol),
    excluded: Object.fromEntries(universe.excluded.map(({ symbol, reason }) => [symbol, reason])),
  };
}

describe('selectUniverse', () => {
  it('keeps trading perpetuals of the quote asset and gives every other one a reason', () => {
    const list = [
      instrument('BTCUSDT'),
      instrument('币安人生USDT'),
      instrument('BTCUSDC', { quoteAsset: 'USDC' }),
      instrument('TSLAUSDT', { contractType: 'TRADIFI_PERPETUAL' }),
      instrument('BTCUSDT_261225', { contractType: 'CURRENT_QUARTER' }),
      instrument('NEXTUSDT', { contractType: '', status: 'PENDING_TRADING' }),
      instrument('DEADUSDT', { status: 'SETTLING' }),
    ];
    expect(reasons(list, {})).toEqual({
      kept: ['BTCUSDT', '币安人生USDT'],
      excluded: {
        BTCUSDC: 'quote',
        TSLAUSDT: 'contractType',
        BTCUSDT_261225: 'contractType',
        NEXTUSDT: 'contractType',
        DEADUSDT: 'status',
      },
    });
  });

  it.each(['../../etc/passwd', '<img onerror=x>', 'A B', '', 'BTC\u0000USDT', '😀USDT', 'A'.repeat(41), '__proto__\n'])(
    'X14: leaves out a symbol that is no safe name: %j',
    (symbol) => {
      const universe = selectUniverse([instrument(symbol), instrument('BTCUSDT')], FILTERS, NOW);
      expect(universe.instruments.map((kept) => kept.symbol)).toEqual(['BTCUSDT']);
      expect(universe.excluded).toEqual([{ symbol, reason: 'name', found: JSON.stringify(symbol.slice(0, 60)) }]);
    },
  );

  it('includes and excludes by symbol and by regular expression, exclusion winning', () => {
    const list = ['BTCUSDT', 'ETHUSDT', 'ETHBTCUSDT', 'SOLUSDT'].map((symbol) => instrument(symbol));
    expect(reasons(list, { include: ['/^ETH/', 'SOLUSDT'], exclude: ['ETHBTCUSDT'] })).toEqual({
      kept: ['ETHUSDT', 'SOLUSDT'],
      excluded: { BTCUSDT: 'notIncluded', ETHBTCUSDT: 'excluded' },
    });
  });

  it('leaves out the young, the illiquid, and all beyond the most liquid', () => {
    const list = [
      instrument('NEWUSDT', { onboardTime: NOW - DAY + 1 }),
      instrument('AUSDT'),
      instrument('BUSDT'),
      instrument('CUSDT'),
      instrument('THINUSDT'),
    ];
    const volumes = new Map([
      ['AUSDT', 50],
      ['BUSDT', 70],
      ['CUSDT', 60],
      ['NEWUSDT', 99],
      ['THINUSDT', 9],
    ]);
    const filters = { minAgeMs: DAY, minQuoteVolume24h: 10, maxSymbols: 2 };
    expect(needsQuoteVolumes({ ...FILTERS, ...filters })).toBe(true);
    expect(reasons(list, filters, volumes)).toEqual({
      kept: ['BUSDT', 'CUSDT'],
      excluded: { NEWUSDT: 'minAge', THINUSDT: 'minQuoteVolume24h', AUSDT: 'maxSymbols' },
    });
  });
});

describe('unmetInclude', () => {
  it('tells of every name that is asked for and not scanned why, and of patterns nothing', () => {
    const list = [instrument('BTCUSDT'), instrument('DEADUSDT', { status: 'SETTLING' }), instrument('ETHUSDT')];
    const include = ['BTCUSDT', 'DEADUSDT', 'QQQUSDT', '/^NONE/'];
    const universe = selectUniverse(list, { ...FILTERS, include }, NOW);
    expect([...unmetInclude(universe, include)]).toEqual([
      ['DEADUSDT', 'status SETTLING'],
      ['QQQUSDT', 'not listed by the exchange'],
    ]);
    expect(unmetInclude(universe, []).size).toBe(0);
  });
});

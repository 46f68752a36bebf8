import { afterEach, describe, expect, it } from 'vitest';
import { ExchangeError } from '../../src/domain/errors.js';
import type { UniverseFilters } from '../../src/pipeline/universe.js';
import { deferred } from '../support/slots.js';
import { DAY, FILTERS, instrument, KeeperRig, named, news } from '../support/universe.js';

const MINUTE = 60_000;
const PERIOD = 10 * MINUTE;

let rig: KeeperRig;

function build(symbols: readonly string[], filters: Partial<UniverseFilters> = {}): KeeperRig {
  rig = new KeeperRig(symbols, filters);
  return rig;
}

afterEach(async () => {
  await rig.keeper.stop();
  expect(rig.clock.pendingTimers).toBe(0);
});

describe('UniverseKeeper', () => {
  it('reads the list once a period, up to a tenth early and never late', async () => {
    const { clock, asked } = build(named(4));
    await clock.advance(10 * PERIOD);
    const gaps = asked.map((at, index) => at - (asked[index - 1] ?? 0));
    expect(asked.length).toBeGreaterThanOrEqual(10);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9 * PERIOD);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(PERIOD);
    expect(new Set(gaps).size).toBeGreaterThan(5);
    expect(rig.changes).toEqual([]);
    expect(rig.keeper.stats()).toMatchObject({ refreshes: asked.length, failures: 0, added: 0, removed: 0 });
  });

  it('T1: keeps its period while somebody sets the clock', async () => {
    const { clock, asked } = build(named(4));
    for (const jumpMs of [3_600_000, -7_200_000, DAY, -DAY]) {
      await clock.advance(PERIOD / 2);
      clock.jump(jumpMs);
      await clock.advance(2 * PERIOD);
    }
    const gaps = asked.map((at, index) => at - (asked[index - 1] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9 * PERIOD);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(PERIOD);
  });

  it('keeps the order of what stays, puts new symbols behind, and says why others went', async () => {
    const { keeper, clock } = build(named(6));
    rig.list = [
      instrument('S9USDT'),
      ...['S5USDT', 'S4USDT', 'S3USDT'].map((symbol) => instrument(symbol)),
      instrument('S1USDT', { status: 'SETTLING' }),
      instrument('S0USDT'),
    ];
    await keeper.refresh();
    expect(rig.symbols).toEqual(['S0USDT', 'S3USDT', 'S4USDT', 'S5USDT', 'S9USDT']);
    expect(rig.changes).toMatchObject([
      {
        added: [{ symbol: 'S9USDT' }],
        removed: [
          { symbol: 'S1USDT', reason: 'status', found: 'SETTLING' },
          { symbol: 'S2USDT', reason: 'unlisted', found: 'not in the list' },
        ],
      },
    ]);
    expect(rig.changes[0]?.universe).toBe(keeper.current());
    expect(keeper.stats()).toMatchObject({ refreshes: 1, added: 1, removed: 2, lastRefreshAt: clock.now() });
  });

  it('asks for volumes only when the filters need them', async () => {
    await build(named(3)).keeper.refresh();
    expect(rig.volumesAsked).toBe(0);
    await rig.keeper.stop();
    await build(named(3), { maxSymbols: 2 }).keeper.refresh();
    expect(rig.volumesAsked).toBe(1);
  });

  it('follows filters that restrict by age and by volume', async () => {
    build(named(4), { minAgeMs: DAY, maxSymbols: 4 });
    rig.list = [...rig.list, instrument('NEWUSDT', { onboardTime: rig.clock.now() - DAY + 15 * MINUTE })];
    rig.volumes = new Map([...rig.volumes, ['NEWUSDT', 5_000]]);
    await rig.clock.advance(PERIOD);
    expect(rig.changes).toEqual([]);
    await rig.clock.advance(PERIOD);
    expect(rig.told).toEqual([{ added: ['NEWUSDT'], removed: ['S3USDT maxSymbols'] }]);
  });

  it('joins a refresh under way', async () => {
    const { keeper, asked } = build(named(3));
    await Promise.all([keeper.refresh(), keeper.refresh()]);
    expect(asked).toHaveLength(1);
  });

  it('keeps the last universe while lists fail, asks at most once a minute, further and further apart, and recovers', async () => {
    const { clock, asked, errors, keeper } = build(named(4));
    rig.answer = () => Promise.reject(new ExchangeError('unavailable', 'maintenance'));
    rig.setList(named(3));
    await clock.advance(4 * 3_600_000);
    const gaps = asked.slice(1).map((at, index) => at - (asked[index] as number));
    expect(gaps[0]).toBeGreaterThanOrEqual(MINUTE);
    expect(gaps.slice(0, 4).every((gap, index) => gap < (gaps[index + 1] as number))).toBe(true);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1.2 * PERIOD);
    expect(rig.symbols).toEqual(named(4));
    expect(errors).toHaveLength(asked.length);
    expect(keeper.stats()).toMatchObject({ refreshes: 0, failures: asked.length, lastRefreshAt: null });
    rig.answer = async () => {};
    await clock.advance(1.2 * PERIOD);
    expect(rig.symbols).toEqual(named(3));
  });

  it('reports a listener that throws and goes on', async () => {
    const { keeper, errors } = build(named(4));
    const broken = new Error('listener');
    rig.changes.push = () => {
      throw broken;
    };
    rig.setList(named(3));
    await keeper.refresh();
    expect(errors).toEqual([broken]);
    expect(rig.symbols).toEqual(named(3));
  });

  it('stops during a refresh without a word, and stays stopped', async () => {
    const { keeper, errors, asked } = build(named(4));
    let reply = () => {};
    rig.answer = () => new Promise((resolve) => (reply = resolve));
    rig.setList(named(3));
    const refreshed = keeper.refresh();
    const stopped = Promise.all([keeper.stop(), keeper.stop()]);
    reply();
    await Promise.all([refreshed, stopped]);
    keeper.noteContractInfo(news('S0USDT', 'SETTLING'));
    keeper.noteBadSymbol('S1USDT');
    await keeper.refresh();
    expect({ errors, asked: asked.length, changes: rig.changes }).toEqual({ errors: [], asked: 1, changes: [] });
    expect(rig.symbols).toEqual(named(4));
  });
});

describe('news of contracts', () => {
  it('take out at once what no longer trades, and the list is read some seconds later', async () => {
    const { keeper, clock, asked } = build(named(4));
    keeper.noteContractInfo(news('S1USDT', 'SETTLING'));
    expect(rig.symbols).toEqual(['S0USDT', 'S2USDT', 'S3USDT']);
    expect(rig.changes).toMatchObject([
      { added: [], removed: [{ symbol: 'S1USDT', reason: 'status', found: 'SETTLING' }] },
    ]);
    expect(keeper.current().excluded).toEqual([{ symbol: 'S1USDT', reason: 'status', found: 'SETTLING' }]);
    rig.setStatus('S1USDT', 'SETTLING');
    await clock.advance(8_000);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toBeGreaterThanOrEqual(5_000);
    expect(rig.changes).toHaveLength(1);
  });

  it('bring in a listing within seconds, and a burst of them costs one list', async () => {
    const { keeper, clock, asked } = build(named(4));
    rig.setList(named(14));
    for (const symbol of named(10, 4)) keeper.noteContractInfo(news(symbol, 'TRADING'));
    await clock.advance(8_000);
    expect(asked).toHaveLength(1);
    expect(rig.symbols).toEqual(named(14));
  });

  it('cost at most one list a minute, however many there are', async () => {
    const { keeper, clock, asked } = build(named(4));
    for (let second = 0; second < 600; second++) {
      keeper.noteContractInfo(news(`N${second}USDT`, 'PENDING_TRADING', ''));
      await clock.advance(1_000);
    }
    expect(asked.length).toBeGreaterThanOrEqual(9);
    expect(asked.length).toBeLessThanOrEqual(11);
  });

  it('that come while the list is on its way are looked up again', async () => {
    const { keeper, clock, asked } = build(named(4));
    let reply = () => {};
    rig.answer = () => new Promise((resolve) => (reply = resolve));
    const refreshed = keeper.refresh();
    keeper.noteContractInfo(news('S4USDT', 'TRADING'));
    reply();
    await refreshed;
    rig.answer = async () => {};
    rig.setList(named(5));
    await clock.advance(MINUTE);
    expect(asked).toHaveLength(2);
    expect(rig.symbols).toEqual(named(5));
  });

  it('that change nothing of what is scanned are passed over', async () => {
    const { keeper, clock, asked } = build(named(4));
    rig.list = [...rig.list, instrument('BTCUSDC', { quoteAsset: 'USDC' })];
    await keeper.refresh();
    keeper.noteContractInfo(news('S1USDT', 'TRADING'));
    keeper.noteContractInfo(news('BTCUSDC', 'SETTLING'));
    await clock.advance(5 * MINUTE);
    expect(asked).toHaveLength(1);
  });

  it('are believed more than a list that lags behind, for some minutes', async () => {
    const { keeper, clock } = build(named(4));
    keeper.noteContractInfo(news('S1USDT', 'SETTLING'));
    await clock.advance(4 * MINUTE);
    expect(keeper.stats().refreshes).toBe(1);
    await keeper.refresh();
    expect(rig.symbols).not.toContain('S1USDT');
    await clock.advance(MINUTE);
    await keeper.refresh();
    expect(rig.told).toEqual([
      { added: [], removed: ['S1USDT status'] },
      { added: ['S1USDT'], removed: [] },
    ]);
  });

  it('that a symbol trades again let it in with the next list', async () => {
    const { keeper, clock } = build(named(4));
    keeper.noteContractInfo(news('S1USDT', 'SETTLING'));
    keeper.noteContractInfo(news('S1USDT', 'TRADING'));
    await clock.advance(8_000);
    expect(rig.symbols).toEqual(['S0USDT', 'S2USDT', 'S3USDT', 'S1USDT']);
  });

  it('without a status only have the list read', async () => {
    const { keeper, clock, asked } = build(named(4));
    keeper.noteContractInfo(news('S1USDT', ''));
    expect(rig.symbols).toEqual(named(4));
    await clock.advance(8_000);
    expect(asked).toHaveLength(1);
  });
});

describe('symbols that the exchange calls unknown', () => {
  it('X14: go at once, are held out longer each time that the list contradicts, and come back when it is right', async () => {
    const { keeper, clock } = build(named(4));
    const outForMs: number[] = [];
    for (let time = 0; time < 4; time++) {
      keeper.noteBadSymbol('S1USDT');
      expect(rig.symbols).toEqual(['S0USDT', 'S2USDT', 'S3USDT'].filter((symbol) => symbol !== 'S1USDT'));
      const from = clock.monotonic();
      while (!rig.symbols.includes('S1USDT')) {
        await clock.advance(MINUTE);
        await keeper.refresh();
      }
      outForMs.push(clock.monotonic() - from);
    }
    expect(outForMs).toEqual([5, 10, 20, 40].map((minutes) => minutes * MINUTE));
    expect(keeper.stats()).toMatchObject({ added: 4, removed: 4 });
  });

  it('are forgotten once the list agrees', async () => {
    const { keeper, clock } = build(named(4));
    keeper.noteBadSymbol('S1USDT');
    rig.setList(['S0USDT', 'S2USDT', 'S3USDT']);
    await keeper.refresh();
    rig.setList(named(4));
    await keeper.refresh();
    expect(rig.symbols).toContain('S1USDT');
    keeper.noteBadSymbol('S1USDT');
    await clock.advance(5 * MINUTE);
    await keeper.refresh();
    expect(rig.symbols).toContain('S1USDT');
  });

  it('are left to the list when they are half of the universe', async () => {
    const { keeper, clock, asked } = build(named(10));
    for (const symbol of named(10)) keeper.noteBadSymbol(symbol);
    expect(rig.symbols).toEqual(named(5, 5));
    await clock.advance(8_000);
    expect(asked).toHaveLength(1);
    rig.setList(named(4, 6));
    await keeper.refresh();
    expect(rig.symbols).toEqual(named(4, 6));
  });

  it('are passed over when they are not scanned', async () => {
    const { keeper, clock, asked } = build(named(4));
    keeper.noteBadSymbol('../../etc/passwd');
    await clock.advance(MINUTE);
    expect(asked).toEqual([]);
    expect(rig.changes).toEqual([]);
  });
});

describe('a list that lacks more than half', () => {
  it.each([
    ['all of them', []],
    ['six of ten', named(4)],
  ])('X14: of the universe (%s) is not believed before the next one says the same', async (_, left) => {
    const { keeper, clock, asked } = build(named(10));
    rig.list = [...left.map((symbol) => instrument(symbol)), instrument('BTCUSDC', { quoteAsset: 'USDC' })];
    await keeper.refresh();
    expect(rig.symbols).toEqual(named(10));
    expect(keeper.stats()).toMatchObject({ refreshes: 1, doubted: 1, removed: 0 });
    await clock.advance(MINUTE);
    expect(asked).toHaveLength(2);
    expect(rig.symbols).toEqual(left);
    expect(keeper.stats()).toMatchObject({ refreshes: 2, doubted: 1, removed: 10 - left.length });
    await clock.advance(2 * MINUTE);
    expect(asked).toHaveLength(2);
  });

  it('X14: is believed at once when it lacks half or less', async () => {
    const { keeper } = build(named(40));
    rig.setList([...named(20, 20), ...named(10, 100)]);
    await keeper.refresh();
    expect(rig.symbols).toEqual([...named(20, 20), ...named(10, 100)]);
    expect(keeper.stats()).toMatchObject({ doubted: 0, added: 10, removed: 20 });
  });

  it('is forgotten when the next one is whole', async () => {
    const { keeper } = build(named(10));
    for (let time = 0; time < 3; time++) {
      rig.setList([]);
      await keeper.refresh();
      rig.setList(named(10));
      await keeper.refresh();
    }
    expect(rig.changes).toEqual([]);
    expect(keeper.stats()).toMatchObject({ doubted: 3, removed: 0 });
  });

  it('is not confirmed by one that lacks others', async () => {
    const { keeper } = build(named(10));
    rig.setList(named(4));
    await keeper.refresh();
    rig.setList(named(4, 6));
    await keeper.refresh();
    expect(rig.changes).toEqual([]);
    await keeper.refresh();
    expect(rig.symbols).toEqual(named(4, 6));
  });

  it('is believed at the second time when volumes and not the list say so', async () => {
    const { keeper } = build(named(10), { minQuoteVolume24h: 500 });
    rig.volumes = new Map();
    await keeper.refresh();
    expect(rig.symbols).toEqual(named(10));
    await keeper.refresh();
    expect(rig.symbols).toEqual([]);
  });
});

describe('other filters', () => {
  const filtered = (more: Partial<UniverseFilters>, refreshEveryMs = PERIOD) =>
    rig.keeper.reconfigure({ filters: { ...FILTERS, ...more }, refreshEveryMs });

  it('take symbols away at once, before any list is read, also most of them', async () => {
    build(named(10));
    const done = filtered({ include: ['S3USDT', 'S4USDT'] });
    expect(rig.symbols).toEqual(['S3USDT', 'S4USDT']);
    expect(rig.told).toEqual([
      { added: [], removed: expect.arrayContaining(['S0USDT notIncluded', 'S9USDT notIncluded']) as string[] },
    ]);
    await done;
    expect([rig.changes.length, rig.asked.length, rig.keeper.stats().doubted]).toEqual([1, 1, 0]);
  });

  it('bring symbols in with the list, which is read at once', async () => {
    build(named(4), { exclude: ['/^S[01]/'] });
    expect(rig.symbols).toEqual(['S2USDT', 'S3USDT']);
    await filtered({ exclude: ['S0USDT'] });
    expect(rig.told).toEqual([{ added: ['S1USDT'], removed: [] }]);
    expect(rig.symbols).toEqual(['S2USDT', 'S3USDT', 'S1USDT']);
    await filtered({ exclude: ['S0USDT'] });
    expect(rig.asked).toHaveLength(1);
  });

  it('that need volumes are followed at once, however many they take away', async () => {
    build(named(10));
    await filtered({ maxSymbols: 2 });
    expect(rig.symbols).toEqual(['S0USDT', 'S1USDT']);
    expect([rig.volumesAsked, rig.keeper.stats().doubted]).toEqual([1, 0]);
  });

  it('X14: do not make a list believed that lacks most of what is scanned', async () => {
    build(named(10));
    rig.setList(named(2, 8));
    await filtered({ exclude: ['S9USDT'] });
    expect(rig.symbols).toEqual(named(9));
    expect(rig.keeper.stats()).toMatchObject({ doubted: 1, removed: 1 });
    rig.setList(named(10));
    await rig.keeper.refresh();
    expect(rig.symbols).toEqual(named(9));
  });

  it('hold while the exchange is silent, and the list is tried again', async () => {
    const { clock } = build(named(4), { exclude: ['S0USDT'] });
    rig.answer = () => Promise.reject(new ExchangeError('unreachable', 'connection refused'));
    await filtered({ exclude: ['S1USDT'] });
    expect(rig.symbols).toEqual(['S2USDT', 'S3USDT']);
    expect(rig.errors).toHaveLength(1);
    rig.answer = async () => {};
    await clock.advance(2 * MINUTE);
    expect(rig.symbols).toEqual(['S2USDT', 'S3USDT', 'S0USDT']);
  });

  it('that come while a list is on its way are not chosen by from that one, but from the next', async () => {
    build(named(4));
    const first = deferred();
    rig.answer = () => first.promise;
    const refresh = rig.keeper.refresh();
    const done = filtered({ exclude: ['S0USDT'] });
    rig.answer = async () => {};
    first.resolve();
    await Promise.all([refresh, done]);
    expect(rig.told).toEqual([{ added: [], removed: ['S0USDT excluded'] }]);
    expect(rig.asked).toHaveLength(2);
  });

  it('are not heard of before the start and after the stop', async () => {
    const { keeper } = build(named(4));
    await keeper.stop();
    await filtered({ exclude: ['S0USDT'] });
    expect([rig.symbols, rig.asked]).toEqual([named(4), []]);
  });
});

describe('another period', () => {
  it('begins at once, and the list is not read for it', async () => {
    const { keeper, clock, asked } = build(named(4));
    await clock.advance(PERIOD / 2);
    await keeper.reconfigure({ filters: FILTERS, refreshEveryMs: MINUTE });
    expect(asked).toEqual([]);
    await clock.advance(MINUTE);
    expect(asked).toHaveLength(1);
    await keeper.reconfigure({ filters: FILTERS, refreshEveryMs: 10 * PERIOD });
    await clock.advance(9 * PERIOD - 1);
    expect(asked).toHaveLength(1);
    await clock.advance(PERIOD + 1);
    expect(asked).toHaveLength(2);
  });

  it('leaves a list that failed to its own time', async () => {
    const { keeper, clock, asked } = build(named(4));
    rig.answer = () => Promise.reject(new ExchangeError('unreachable', 'connection refused'));
    await keeper.refresh();
    await keeper.reconfigure({ filters: FILTERS, refreshEveryMs: 1_000 });
    await clock.advance(10_000);
    expect(asked).toHaveLength(1);
  });
});

describe('a list with hostile names', () => {
  it('X14: brings none of them in, and news of them change nothing', async () => {
    const { keeper, clock } = build(named(4));
    const hostile = ['🚀USDT', '../../../etc/passwd', '<img src=x onerror=alert(1)>', 'A B', ''];
    rig.list = [...rig.list, ...hostile.map((symbol) => instrument(symbol))];
    await keeper.refresh();
    for (const symbol of hostile) {
      for (const status of ['SETTLING', 'TRADING']) keeper.noteContractInfo(news(symbol, status));
      keeper.noteBadSymbol(symbol);
    }
    await clock.advance(PERIOD);
    expect(rig.changes).toEqual([]);
    expect(keeper.current().excluded.map(({ symbol, reason }) => [symbol, reason])).toEqual(
      hostile.map((symbol) => [symbol, 'name']),
    );
    expect(rig.errors).toEqual([]);
  });

  it('X14: treats names that mean something to JavaScript as names', async () => {
    const { keeper } = build(named(4));
    const words = ['__proto__', 'constructor', 'toString'];
    rig.list = [...rig.list, ...words.map((symbol) => instrument(symbol))];
    await keeper.refresh();
    expect(rig.symbols).toEqual([...named(4), ...words]);
    for (const symbol of words) keeper.noteContractInfo(news(symbol, 'SETTLING'));
    expect(rig.symbols).toEqual(named(4));
    expect(rig.told.slice(1).map(({ removed }) => removed)).toEqual(words.map((symbol) => [`${symbol} status`]));
  });
});

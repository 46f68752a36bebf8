import { describe, expect, it } from 'vitest';
import { ExchangeError } from '../../src/domain/errors.js';
import { MINUTE } from '../support/fake-clock.js';
import { DAY, instrument, KeeperRig, named, news, PERIOD } from '../support/universe.js';

describe('UniverseKeeper', () => {
  it('reads the list once a period, up to a tenth early and never late', async () => {
    const rig = new KeeperRig(named(4));
    const { clock, asked } = rig;
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
    const { clock, asked } = new KeeperRig(named(4));
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
    const rig = new KeeperRig(named(6));
    const { keeper, clock } = rig;
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
    const unranked = new KeeperRig(named(3));
    await unranked.keeper.refresh();
    expect(unranked.volumesAsked).toBe(0);
    const ranked = new KeeperRig(named(3), { maxSymbols: 2 });
    await ranked.keeper.refresh();
    expect(ranked.volumesAsked).toBe(1);
  });

  it('follows filters that restrict by age and by volume', async () => {
    const rig = new KeeperRig(named(4), { minAgeMs: DAY, maxSymbols: 4 });
    rig.list = [...rig.list, instrument('NEWUSDT', { onboardTime: rig.clock.now() - DAY + 15 * MINUTE })];
    rig.volumes = new Map([...rig.volumes, ['NEWUSDT', 5_000]]);
    await rig.clock.advance(PERIOD);
    expect(rig.changes).toEqual([]);
    await rig.clock.advance(PERIOD);
    expect(rig.told).toEqual([{ added: ['NEWUSDT'], removed: ['S3USDT maxSymbols'] }]);
  });

  it('joins a refresh under way', async () => {
    const { keeper, asked } = new KeeperRig(named(3));
    await Promise.all([keeper.refresh(), keeper.refresh()]);
    expect(asked).toHaveLength(1);
  });

  it('keeps the last universe while lists fail, asks at most once a minute, further and further apart, and recovers', async () => {
    const rig = new KeeperRig(named(4));
    const { clock, asked, errors, keeper } = rig;
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
    const rig = new KeeperRig(named(4));
    const { keeper, errors } = rig;
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
    const rig = new KeeperRig(named(4));
    const { keeper, errors, asked } = rig;
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

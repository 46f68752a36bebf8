import { describe, expect, it } from 'vitest';
import { MINUTE } from '../support/fake-clock.js';
import { instrument, KeeperRig, named, news, PERIOD } from '../support/universe.js';

describe('a list that lacks more than half', () => {
  it.each([
    ['all of them', []],
    ['six of ten', named(4)],
  ])('X14: of the universe (%s) is not believed before the next one says the same', async (_, left) => {
    const rig = new KeeperRig(named(10));
    const { keeper, clock, asked } = rig;
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
    const rig = new KeeperRig(named(40));
    const { keeper } = rig;
    rig.setList([...named(20, 20), ...named(10, 100)]);
    await keeper.refresh();
    expect(rig.symbols).toEqual([...named(20, 20), ...named(10, 100)]);
    expect(keeper.stats()).toMatchObject({ doubted: 0, added: 10, removed: 20 });
  });

  it('is forgotten when the next one is whole', async () => {
    const rig = new KeeperRig(named(10));
    const { keeper } = rig;
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
    const rig = new KeeperRig(named(10));
    const { keeper } = rig;
    rig.setList(named(4));
    await keeper.refresh();
    rig.setList(named(4, 6));
    await keeper.refresh();
    expect(rig.changes).toEqual([]);
    await keeper.refresh();
    expect(rig.symbols).toEqual(named(4, 6));
  });

  it('is believed at the second time when volumes and not the list say so', async () => {
    const rig = new KeeperRig(named(10), { minQuoteVolume24h: 500 });
    const { keeper } = rig;
    rig.volumes = new Map();
    await keeper.refresh();
    expect(rig.symbols).toEqual(named(10));
    await keeper.refresh();
    expect(rig.symbols).toEqual([]);
  });
});

describe('a list with hostile names', () => {
  it('X14: brings none of them in, and news of them change nothing', async () => {
    const rig = new KeeperRig(named(4));
    const { keeper, clock } = rig;
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
    const rig = new KeeperRig(named(4));
    const { keeper } = rig;
    const words = ['__proto__', 'constructor', 'toString'];
    rig.list = [...rig.list, ...words.map((symbol) => instrument(symbol))];
    await keeper.refresh();
    expect(rig.symbols).toEqual([...named(4), ...words]);
    for (const symbol of words) keeper.noteContractInfo(news(symbol, 'SETTLING'));
    expect(rig.symbols).toEqual(named(4));
    expect(rig.told.slice(1).map(({ removed }) => removed)).toEqual(words.map((symbol) => [`${symbol} status`]));
  });
});

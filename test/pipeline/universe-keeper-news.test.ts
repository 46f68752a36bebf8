import { describe, expect, it } from 'vitest';
import { MINUTE } from '../support/fake-clock.js';
import { instrument, KeeperRig, named, news } from '../support/universe.js';

describe('news of contracts', () => {
  it('take out at once what no longer trades, and the list is read some seconds later', async () => {
    const rig = new KeeperRig(named(4));
    const { keeper, clock, asked } = rig;
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
    const rig = new KeeperRig(named(4));
    const { keeper, clock, asked } = rig;
    rig.setList(named(14));
    for (const symbol of named(10, 4)) keeper.noteContractInfo(news(symbol, 'TRADING'));
    await clock.advance(8_000);
    expect(asked).toHaveLength(1);
    expect(rig.symbols).toEqual(named(14));
  });

  it('cost at most one list a minute, however many there are', async () => {
    const { keeper, clock, asked } = new KeeperRig(named(4));
    for (let second = 0; second < 600; second++) {
      keeper.noteContractInfo(news(`N${second}USDT`, 'PENDING_TRADING', ''));
      await clock.advance(1_000);
    }
    expect(asked.length).toBeGreaterThanOrEqual(9);
    expect(asked.length).toBeLessThanOrEqual(11);
  });

  it('that come while the list is on its way are looked up again', async () => {
    const rig = new KeeperRig(named(4));
    const { keeper, clock, asked } = rig;
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
    const rig = new KeeperRig(named(4));
    const { keeper, clock, asked } = rig;
    rig.list = [...rig.list, instrument('BTCUSDC', { quoteAsset: 'USDC' })];
    await keeper.refresh();
    keeper.noteContractInfo(news('S1USDT', 'TRADING'));
    keeper.noteContractInfo(news('BTCUSDC', 'SETTLING'));
    await clock.advance(5 * MINUTE);
    expect(asked).toHaveLength(1);
  });

  it('are believed more than a list that lags behind, for some minutes', async () => {
    const rig = new KeeperRig(named(4));
    const { keeper, clock } = rig;
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
    const rig = new KeeperRig(named(4));
    const { keeper, clock } = rig;
    keeper.noteContractInfo(news('S1USDT', 'SETTLING'));
    keeper.noteContractInfo(news('S1USDT', 'TRADING'));
    await clock.advance(8_000);
    expect(rig.symbols).toEqual(['S0USDT', 'S2USDT', 'S3USDT', 'S1USDT']);
  });

  it('without a status only have the list read', async () => {
    const rig = new KeeperRig(named(4));
    const { keeper, clock, asked } = rig;
    keeper.noteContractInfo(news('S1USDT', ''));
    expect(rig.symbols).toEqual(named(4));
    await clock.advance(8_000);
    expect(asked).toHaveLength(1);
  });
});

describe('symbols that the exchange calls unknown', () => {
  it('X14: go at once, are held out longer each time that the list contradicts, and come back when it is right', async () => {
    const rig = new KeeperRig(named(4));
    const { keeper, clock } = rig;
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
    const rig = new KeeperRig(named(4));
    const { keeper, clock } = rig;
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
    const rig = new KeeperRig(named(10));
    const { keeper, clock, asked } = rig;
    for (const symbol of named(10)) keeper.noteBadSymbol(symbol);
    expect(rig.symbols).toEqual(named(5, 5));
    await clock.advance(8_000);
    expect(asked).toHaveLength(1);
    rig.setList(named(4, 6));
    await keeper.refresh();
    expect(rig.symbols).toEqual(named(4, 6));
  });

  it('are passed over when they are not scanned', async () => {
    const rig = new KeeperRig(named(4));
    const { keeper, clock, asked } = rig;
    keeper.noteBadSymbol('../../etc/passwd');
    await clock.advance(MINUTE);
    expect(asked).toEqual([]);
    expect(rig.changes).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { ExchangeError } from '../../src/domain/errors.js';
import type { UniverseFilters } from '../../src/pipeline/universe.js';
import { MINUTE } from '../support/fake-clock.js';
import { deferred } from '../support/slots.js';
import { FILTERS, KeeperRig, named, PERIOD } from '../support/universe.js';

describe('other filters', () => {
  const filtered = ({ keeper }: KeeperRig, more: Partial<UniverseFilters>) =>
    keeper.reconfigure({ filters: { ...FILTERS, ...more }, refreshEveryMs: PERIOD });

  it('take symbols away at once, before any list is read, also most of them', async () => {
    const rig = new KeeperRig(named(10));
    const done = filtered(rig, { include: ['S3USDT', 'S4USDT'] });
    expect(rig.symbols).toEqual(['S3USDT', 'S4USDT']);
    expect(rig.told).toEqual([
      { added: [], removed: expect.arrayContaining(['S0USDT notIncluded', 'S9USDT notIncluded']) as string[] },
    ]);
    await done;
    expect([rig.changes.length, rig.asked.length, rig.keeper.stats().doubted]).toEqual([1, 1, 0]);
  });

  it('bring symbols in with the list, which is read at once', async () => {
    const rig = new KeeperRig(named(4), { exclude: ['/^S[01]/'] });
    expect(rig.symbols).toEqual(['S2USDT', 'S3USDT']);
    await filtered(rig, { exclude: ['S0USDT'] });
    expect(rig.told).toEqual([{ added: ['S1USDT'], removed: [] }]);
    expect(rig.symbols).toEqual(['S2USDT', 'S3USDT', 'S1USDT']);
    await filtered(rig, { exclude: ['S0USDT'] });
    expect(rig.asked).toHaveLength(1);
  });

  it('that need volumes are followed at once, however many they take away', async () => {
    const rig = new KeeperRig(named(10));
    await filtered(rig, { maxSymbols: 2 });
    expect(rig.symbols).toEqual(['S0USDT', 'S1USDT']);
    expect([rig.volumesAsked, rig.keeper.stats().doubted]).toEqual([1, 0]);
  });

  it('X14: do not make a list believed that lacks most of what is scanned', async () => {
    const rig = new KeeperRig(named(10));
    rig.setList(named(2, 8));
    await filtered(rig, { exclude: ['S9USDT'] });
    expect(rig.symbols).toEqual(named(9));
    expect(rig.keeper.stats()).toMatchObject({ doubted: 1, removed: 1 });
    rig.setList(named(10));
    await rig.keeper.refresh();
    expect(rig.symbols).toEqual(named(9));
  });

  it('hold while the exchange is silent, and the list is tried again', async () => {
    const rig = new KeeperRig(named(4), { exclude: ['S0USDT'] });
    const { clock } = rig;
    rig.answer = () => Promise.reject(new ExchangeError('unreachable', 'connection refused'));
    await filtered(rig, { exclude: ['S1USDT'] });
    expect(rig.symbols).toEqual(['S2USDT', 'S3USDT']);
    expect(rig.errors).toHaveLength(1);
    rig.answer = async () => {};
    await clock.advance(2 * MINUTE);
    expect(rig.symbols).toEqual(['S2USDT', 'S3USDT', 'S0USDT']);
  });

  it('that come while a list is on its way are not chosen by from that one, but from the next', async () => {
    const rig = new KeeperRig(named(4));
    const first = deferred();
    rig.answer = () => first.promise;
    const refresh = rig.keeper.refresh();
    const done = filtered(rig, { exclude: ['S0USDT'] });
    rig.answer = async () => {};
    first.resolve();
    await Promise.all([refresh, done]);
    expect(rig.told).toEqual([{ added: [], removed: ['S0USDT excluded'] }]);
    expect(rig.asked).toHaveLength(2);
  });

  it('are not heard of before the start and after the stop', async () => {
    const rig = new KeeperRig(named(4));
    const { keeper } = rig;
    await keeper.stop();
    await filtered(rig, { exclude: ['S0USDT'] });
    expect([rig.symbols, rig.asked]).toEqual([named(4), []]);
  });
});

describe('another period', () => {
  it('begins at once, and the list is not read for it', async () => {
    const { keeper, clock, asked } = new KeeperRig(named(4));
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
    const rig = new KeeperRig(named(4));
    const { keeper, clock, asked } = rig;
    rig.answer = () => Promise.reject(new ExchangeError('unreachable', 'connection refused'));
    await keeper.refresh();
    await keeper.reconfigure({ filters: FILTERS, refreshEveryMs: 1_000 });
    await clock.advance(10_000);
    expect(asked).toHaveLength(1);
  });
});

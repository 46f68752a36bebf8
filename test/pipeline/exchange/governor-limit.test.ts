import { describe, expect, it } from 'vitest';
import type { Permit } from '../../../src/pipeline/exchange/weight-window.js';
import { MINUTE, settled } from '../../support/fake-clock.js';
import { governorRig, START } from '../../support/governor.js';

describe('a weight limit that the exchange has not told yet', () => {
  const start = () => governorRig({ weightLimit: null });

  it('lets the list of markets, which tells it, out at once in a minute that an earlier life has used up', async () => {
    const { governor, clock, ask, sight } = start();
    await sight(2400);
    const list = ask(1, 1, 'urgent');
    const candles = ask(5);
    await settled();
    expect([list.length, candles.length]).toEqual([1, 0]);
    governor.settle(list[0] as Permit, 2401);
    governor.setWeightLimit(6000);
    await settled();
    expect([candles.length, governor.budget, governor.weightUsed]).toEqual([5, 4800, 2406]);
    expect(clock.monotonic()).toBe(0);
  });

  it('lets nothing else out, not even in the minutes that follow', async () => {
    const { clock, ask } = start();
    const candles = ask(5);
    await clock.advance(3 * MINUTE);
    expect(candles.length).toBe(0);
    const list = ask(1, 1, 'urgent');
    await settled();
    expect([list.length, candles.length]).toEqual([1, 0]);
  });

  it('goes by the usual one when the list of markets tells none', async () => {
    const { governor, ask } = start();
    const candles = ask(5);
    governor.setWeightLimit(null);
    await settled();
    expect([candles.length, governor.weightLimit]).toEqual([5, 2400]);
    governor.setWeightLimit(6000);
    governor.setWeightLimit(null);
    expect(governor.weightLimit).toBe(6000);
  });

  it('lets at most 5 % of the usual one out in a minute, whoever asks again and again for the list', async () => {
    const { clock, ask } = start();
    const lists = ask(500, 1, 'urgent');
    await settled();
    expect(lists.length).toBe(120);
    await clock.advance(31_000);
    expect(lists.length).toBe(240);
  });

  it('opens no gate', async () => {
    const { clock, ask } = governorRig({ weightLimit: null, closedUntil: START + 90_000 });
    const list = ask(1, 1, 'urgent');
    await clock.advance(89_999);
    expect(list.length).toBe(0);
    await clock.advance(1_000);
    expect(list.length).toBe(1);
  });
});

describe('another share', () => {
  it('counts from now on, for what waits as well', async () => {
    const { governor, clock, ask, sight } = governorRig({ weightLimit: 100, share: 0.2 });
    await sight(10);
    const granted = ask(30, 1, 'urgent');
    await settled();
    expect([governor.budget, granted.length]).toEqual([20, 10]);
    governor.setShare(0.35);
    await settled();
    expect([governor.budget, granted.length]).toEqual([35, 25]);
    governor.setShare(0.1);
    expect([governor.budget, granted.length]).toEqual([10, 25]);
    for (const permit of granted) governor.settle(permit, null);
    await clock.advance(MINUTE);
    expect(granted.length).toBe(30);
  });

  it('refuses what waits and has become too heavy for any minute, so that it holds nobody up', async () => {
    const { governor, clock, ask, sight } = governorRig({ weightLimit: 100 });
    await sight(79);
    const heavy = governor.acquire(40, 'urgent');
    const light = ask(1, 1, 'urgent');
    governor.setShare(0.3);
    await expect(heavy).rejects.toMatchObject({ kind: 'badRequest' });
    await clock.advance(MINUTE);
    expect(light.length).toBe(1);
  });

  it.each([0, -1, 1.1, Number.NaN])('cannot be %d', (share) => {
    const { governor } = governorRig();
    expect(() => governor.setShare(share)).toThrow(RangeError);
  });
});

describe('plan', () => {
  it('says what fits now and how long the rest waits', async () => {
    const { governor, sight } = governorRig();
    expect(governor.plan(1590)).toEqual({ now: 1590, later: 0, waitMs: 0 });
    expect(governor.plan(3180)).toEqual({ now: 1800, later: 1380, waitMs: 30_250 });
    expect(governor.plan(7950)).toEqual({ now: 1800, later: 6150, waitMs: 30_250 + 3 * MINUTE });
    await sight(1000);
    expect(governor.plan(1590)).toEqual({ now: 800, later: 790, waitMs: 30_250 });
    expect(governor.plan(900, 'urgent')).toEqual({ now: 900, later: 0, waitMs: 0 });
  });

  it('waits for the gate', () => {
    const { governor } = governorRig({ closedUntil: START + 10_000 });
    expect(governor.plan(100)).toEqual({ now: 100, later: 0, waitMs: 10_000 });
    governor.hold(START + 100_000, 'banned');
    expect(governor.plan(100)).toEqual({ now: 0, later: 100, waitMs: 100_000 });
  });
});

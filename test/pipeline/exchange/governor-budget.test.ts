import { describe, expect, it } from 'vitest';
import type { Permit } from '../../../src/pipeline/exchange/weight-window.js';
import { settled } from '../../support/fake-clock.js';
import { governorRig, START } from '../../support/governor.js';

describe('the budget of a minute', () => {
  it('lets at most 5 % of the limit out before the first reply has told the count', async () => {
    const { governor, ask } = governorRig();
    const granted = ask(500);
    await settled();
    expect(granted.length).toBe(120);
    governor.settle(granted[0] as Permit, 1);
    await settled();
    expect(granted.length).toBe(500);
  });

  it('lets one heavy request out blindly, because otherwise it could never go', async () => {
    const { ask } = governorRig({ weightLimit: 100 });
    const granted = ask(2, 40);
    await settled();
    expect(granted.length).toBe(1);
  });

  it('grants a burst up to the share, keeps the reserve for the urgent lane, and the rest waits for the next minute', async () => {
    const { governor, clock, ask, sight } = governorRig();
    await sight();
    const bulk = ask(3000);
    await settled();
    expect(bulk.length).toBe(2400 * 0.75 - 1);
    const urgent = ask(300, 1, 'urgent');
    await settled();
    expect(urgent.length).toBe(120);
    expect(governor.weightUsed).toBe(2400 * 0.8);

    await clock.advance(29_000);
    expect(bulk.length).toBe(1799);
    for (const permit of [...bulk, ...urgent]) governor.settle(permit, 1920);
    await clock.advance(2_000);
    // Urgent ones first, and blind again.
    expect(urgent.length).toBe(240);
    expect(bulk.length).toBe(1799);
  });

  it('keeps first come, first served within a lane, also behind a heavy request', async () => {
    const { governor, clock, sight } = governorRig({ weightLimit: 100 });
    await sight(20);
    const order: string[] = [];
    void governor.acquire(60, 'bulk').then(
      () => order.push('heavy'),
      () => {},
    );
    void governor.acquire(1, 'bulk').then(
      () => order.push('light'),
      () => {},
    );
    await settled();
    expect(order).toEqual([]);
    await clock.advance(31_000);
    expect(order[0]).toBe('heavy');
  });

  it('counts what other processes use, as the reply of this minute shows it', async () => {
    const { ask, sight } = governorRig();
    await sight(1700);
    const granted = ask(500);
    await settled();
    expect(granted.length).toBe(100);
  });

  it('never lets the count fall within a minute, and ignores the count of an older one', async () => {
    const { governor, clock, sight } = governorRig();
    const old = await governor.acquire(1, 'urgent');
    await clock.advance(31_000);
    await sight(1000);
    governor.settle(old, 2399);
    expect(governor.weightUsed).toBe(1000);
    governor.settle(await governor.acquire(1, 'urgent'), 900);
    expect(governor.weightUsed).toBe(1000);
  });

  it('takes requests without a reply as counted on top of the highest count seen', async () => {
    const { governor, ask, sight } = governorRig();
    await sight(10);
    const granted = ask(5, 2);
    await settled();
    expect(governor.weightUsed).toBe(20);
    governor.settle(granted[0] as Permit, 20);
    expect(governor.weightUsed).toBe(28);
    governor.lose(granted[1] as Permit);
    governor.refund(granted[2] as Permit);
    expect(governor.weightUsed).toBe(26);
    governor.settle(granted[3] as Permit, 20);
    governor.settle(granted[4] as Permit, 20);
    expect(governor.weightUsed).toBe(22);
  });

  it('works by its own charges when replies show no count', async () => {
    const { governor, ask } = governorRig({ weightLimit: 1000 });
    const granted = ask(900);
    for (let turn = 0; turn < 900 && governor.waiting > 0; turn++) {
      for (const permit of granted) governor.settle(permit, null);
      if (granted.length === 750) break;
      await settled();
    }
    expect(granted.length).toBe(750);
    expect(governor.weightUsed).toBe(750);
  });

  it('trusts no minute to have begun before the clock error has passed', async () => {
    const { governor, clock, ask, sight } = governorRig();
    governor.setExchangeTime(START + 29_900, 400);
    await sight();
    const granted = ask(2400);
    await settled();
    const before = granted.length;
    for (const permit of granted) governor.settle(permit, before + 1);
    await clock.advance(450);
    expect(granted.length).toBe(before);
    await clock.advance(400);
    expect(granted.length).toBe(before + 120);
  });

  it('follows the offset of the exchange when it decides which minute it is', async () => {
    const { governor, clock, ask, sight } = governorRig();
    governor.setExchangeTime(START + 25_000, 0);
    await sight(1920);
    const granted = ask(1);
    await clock.advance(5_300);
    expect(granted.length).toBe(1);
  });

  it('refuses what no minute could ever hold', async () => {
    const { governor } = governorRig({ weightLimit: 20 });
    await expect(governor.acquire(40, 'urgent')).rejects.toMatchObject({ kind: 'badRequest' });
  });

  it('refuses to queue without bound', async () => {
    const { governor, ask } = governorRig({ queueMax: 3 });
    ask(123);
    await expect(governor.acquire(1, 'urgent')).rejects.toMatchObject({ kind: 'throttled' });
  });
});

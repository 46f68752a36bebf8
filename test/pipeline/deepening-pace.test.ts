import { describe, expect, it } from 'vitest';
import { DeepeningRig, SLOT } from '../support/deepening.js';
import { MINUTE, settled } from '../support/fake-clock.js';
import { named } from '../support/universe.js';

describe('the order of deepening', () => {
  it('is the one given, a few at a time', async () => {
    const rig = DeepeningRig.started();
    const { deepening } = rig;
    const requests = rig.heldBack();
    deepening.request(rig.hold(named(9)));
    await settled();
    expect(rig.symbolsAsked).toEqual(named(4));
    await requests[2]?.reply();
    expect(rig.symbolsAsked).toEqual(named(5));
    expect(deepening.stats()).toMatchObject({ due: 4, inFlight: 4, done: 1 });
    for (let next = 0; next < 9; next++) if (next !== 2) await requests[next]?.reply();
    expect(rig.symbolsAsked).toEqual(named(9));
    expect(deepening.stats()).toMatchObject({ due: 0, inFlight: 0, done: 9 });
  });

  it('counts what is under way, which may not be charged yet, to what is used of the minute', async () => {
    // Half of the budget is for the background: here is room for three requests of weight 2, and more may be in flight.
    const governor = { budget: 100, weightUsed: 44, waiting: 0, closedForMs: 0, exchangeNow: () => SLOT };
    const rig = DeepeningRig.started({ governor });
    rig.heldBack();
    rig.deepening.request(rig.hold(named(4)));
    await settled();
    expect(rig.symbolsAsked).toEqual(named(3));
  });

  it('puts what is asked for later in front, and each series once', async () => {
    const rig = DeepeningRig.started({ maxInFlight: 1 });
    const { deepening } = rig;
    const requests = rig.heldBack();
    const keys = rig.hold(named(5));
    deepening.request(keys);
    deepening.request(keys.toReversed());
    deepening.request(keys.slice(2, 3));
    for (let next = 0; next < 5; next++) {
      await settled();
      await requests[next]?.reply();
    }
    expect(rig.symbolsAsked).toEqual(['S0USDT', 'S2USDT', 'S4USDT', 'S3USDT', 'S1USDT']);
  });

  it('passes over series that are full or hold nothing', async () => {
    const rig = DeepeningRig.started();
    const { deepening } = rig;
    deepening.request([
      ...rig.hold(['FULLUSDT'], 300),
      { symbol: 'NONEUSDT', timeframe: '5m' },
      ...rig.hold(['AUSDT']),
    ]);
    await settled();
    expect(rig.symbolsAsked).toEqual(['AUSDT']);
  });

  it('begins with the start', async () => {
    const rig = new DeepeningRig();
    rig.deepening.request(rig.hold(['AUSDT']));
    await settled();
    expect(rig.asked).toEqual([]);
    rig.deepening.start();
    await settled();
    expect(rig.symbolsAsked).toEqual(['AUSDT']);
  });

  it('rests while anyone has paused it; what is under way ends', async () => {
    const rig = DeepeningRig.started({ maxInFlight: 2 });
    const { deepening, clock } = rig;
    const requests = rig.heldBack();
    deepening.request(rig.hold(named(4)));
    await settled();
    deepening.pause('cycle');
    deepening.pause('memory');
    deepening.pause('memory');
    await requests[0]?.reply();
    expect(deepening.stats()).toMatchObject({ done: 1, inFlight: 1, due: 2 });
    deepening.resume('cycle');
    await clock.advance(10 * MINUTE);
    expect(rig.symbolsAsked).toEqual(named(2));
    deepening.resume('memory');
    await settled();
    expect(rig.symbolsAsked).toEqual(named(3));
  });
});

describe('the budget of deepening', () => {
  it('is half of the minute, whoever used it, and the next minutes bring the rest', async () => {
    const rig = DeepeningRig.started({ weightLimit: 75 });
    const { deepening, governor, clock } = rig;
    expect(governor.budget).toBe(60);
    const others = await governor.acquire(10, 'urgent');
    governor.settle(others, 10);
    deepening.request(rig.hold(named(60)));
    await clock.advance(10 * MINUTE);
    const [first = 0, ...later] = rig.weightByMinute;
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThanOrEqual(20);
    expect(Math.max(...later)).toBeLessThanOrEqual(30);
    expect(later.length).toBeLessThanOrEqual(5);
    expect(deepening.stats()).toMatchObject({ done: 60, weight: 120 });
  });

  it('T1: neither stalls nor runs away while somebody sets the clock', async () => {
    const rig = DeepeningRig.started({ weightLimit: 75 });
    const { deepening, clock } = rig;
    deepening.request(rig.hold(named(60)));
    for (const jumpMs of [3_600_000, -7_200_000, 86_400_000, -86_400_000]) {
      await clock.advance(MINUTE / 2);
      clock.jump(jumpMs);
      await clock.advance(MINUTE / 2);
    }
    await clock.advance(4 * MINUTE);
    expect(deepening.stats()).toMatchObject({ done: 60, requests: 60 });
    expect(Math.max(...rig.weightByMinute)).toBeLessThanOrEqual(30);
  });

  it('leaves what the next cycle needs', async () => {
    const rig = DeepeningRig.started();
    const { deepening, governor, clock } = rig;
    rig.reserve = governor.budget - 20;
    deepening.request(rig.hold(named(30)));
    await clock.advance(40_000);
    expect(rig.weightByMinute[0]).toBeGreaterThan(10);
    expect(rig.weightByMinute[0]).toBeLessThanOrEqual(20);
    const asked = rig.asked.length;
    rig.reserve = governor.budget;
    await clock.advance(10 * MINUTE);
    expect(rig.asked).toHaveLength(asked);
    rig.reserve = 0;
    await clock.advance(MINUTE);
    expect(deepening.stats()).toMatchObject({ done: 30, requests: 30 });
  });

  it('is none while the gate is closed', async () => {
    const rig = DeepeningRig.started();
    const { deepening, governor, clock, asked } = rig;
    governor.hold(clock.now() + 3 * MINUTE, 'throttled');
    deepening.request(rig.hold(named(6)));
    await clock.advance(3 * MINUTE - 1);
    expect(deepening.stats()).toMatchObject({ due: 6, inFlight: 0 });
    await clock.advance(2_000);
    expect(asked).toHaveLength(6);
  });
});

import { describe, expect, it, vi } from 'vitest';
import { MINUTE, settled } from '../../support/fake-clock.js';
import { governorRig, START } from '../../support/governor.js';

describe('the gate', () => {
  it('X1: lets nothing out until the time that the exchange gave, and then goes on', async () => {
    const { governor, clock, ask, sight } = governorRig();
    await sight();
    governor.hold(START + 7_000, 'throttled');
    expect(governor.closedUntil).toBe(START + 7_000);
    expect(governor.closedForMs).toBe(7_000);
    const granted = [...ask(3), ...ask(3, 1, 'urgent')];
    const urgent = ask(3, 1, 'urgent');
    await clock.advance(6_999);
    expect(granted.length + urgent.length).toBe(0);
    await clock.advance(300);
    expect(urgent.length).toBe(3);
    expect(governor.closedUntil).toBeNull();
  });

  it('never shortens a hold', async () => {
    const { governor } = governorRig();
    governor.hold(START + 9_000, 'banned');
    governor.hold(START + 2_000, 'throttled');
    expect(governor.closedForMs).toBe(9_000);
  });

  it('stays closed as long when somebody sets the wall clock', async () => {
    const { governor, clock, ask } = governorRig();
    governor.hold(START + 120_000, 'banned');
    clock.jump(3_600_000);
    const granted = ask(1);
    await clock.advance(119_000);
    expect(granted.length).toBe(0);
    await clock.advance(62_000);
    expect(granted.length).toBe(1);
  });

  it('X2: a ban known from an earlier life keeps it closed from the first moment', async () => {
    const { clock, ask } = governorRig({ closedUntil: START + 90_000 });
    const granted = ask(5, 1, 'urgent');
    await clock.advance(89_999);
    expect(granted.length).toBe(0);
    await clock.advance(1_000);
    expect(granted.length).toBe(5);
  });

  it('is open when the known ban is over', async () => {
    const { governor } = governorRig({ closedUntil: START - 1 });
    expect(governor.closedForMs).toBe(0);
    expect(governor.closedUntil).toBeNull();
  });

  it('tells a closing once, not once per reply of the burst, and tells when it is prolonged', () => {
    const onClosed = vi.fn();
    const { governor } = governorRig({ onClosed });
    for (let index = 0; index < 64; index++) governor.hold(START + 7_000 + index, 'throttled');
    expect(onClosed.mock.calls).toEqual([[START + 7_000, 'throttled']]);
    governor.hold(START + 120_000, 'banned');
    expect(onClosed).toHaveBeenLastCalledWith(START + 120_000, 'banned');
  });

  it('refuses a hold that ends at no time', () => {
    expect(() => governorRig({ closedUntil: Number.NaN })).toThrow(RangeError);
  });
});

describe('waiting', () => {
  it('rejects with the reason of the signal, leaves the queue, and lets the next one go', async () => {
    const { governor, ask, sight } = governorRig({ weightLimit: 100 });
    await sight(40);
    const aborter = new AbortController();
    const heavy = governor.acquire(60, 'bulk', aborter.signal);
    const light = ask(1);
    await settled();
    expect(light.length).toBe(0);
    const reason = new Error('the cycle is over');
    aborter.abort(reason);
    await expect(heavy).rejects.toBe(reason);
    await settled();
    expect(light.length).toBe(1);
    expect(governor.waiting).toBe(0);
  });

  it('rejects at once when the signal has fired before', async () => {
    const { governor } = governorRig();
    const reason = new Error('late');
    await expect(governor.acquire(1, 'bulk', AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(governor.weightUsed).toBe(0);
  });

  it('rejects everyone when it is stopped, also those who come later', async () => {
    const { governor } = governorRig({ closedUntil: START + MINUTE });
    const waiting = governor.acquire(1, 'bulk');
    await governor.stop();
    await expect(waiting).rejects.toMatchObject({ kind: 'unreachable' });
    await expect(governor.acquire(1, 'bulk')).rejects.toMatchObject({ kind: 'unreachable' });
  });
});

import { describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../../src/lib/random.js';
import type { WeightGovernor } from '../../../src/pipeline/exchange/governor.js';
import type { Permit } from '../../../src/pipeline/exchange/weight-window.js';
import { FakeClock, MINUTE, settled } from '../../support/fake-clock.js';
import { type GovernorRig, governorRig, START } from '../../support/governor.js';

/** The exchange's side of it: fixed UTC minutes, counting on arrival. */
class Counter {
  #minute = -1;
  #used = 0;
  highest = 0;

  arrive(weight: number, now: number): number {
    const minute = Math.floor(now / MINUTE);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#used = 0;
    }
    this.#used += weight;
    this.highest = Math.max(this.highest, this.#used);
    return this.#used;
  }
}

describe('against an exchange that counts for itself', () => {
  it.each([
    { clockOffMs: 0, processes: 1, weight: 2 },
    { clockOffMs: 20_000, processes: 1, weight: 2 },
    { clockOffMs: -700, processes: 1, weight: 5 },
    { clockOffMs: 300, processes: 3, weight: 1 },
    { clockOffMs: 0, processes: 2, weight: 2 },
  ])('never breaks the limit: clock off by $clockOffMs ms, $processes processes, weight $weight', async (scene) => {
    const { clockOffMs, processes, weight } = scene;
    const clock = new FakeClock(START);
    const random = seededRandom(11);
    const counter = new Counter();
    const governors = Array.from({ length: processes }, () => governorRig({ clock, random }).governor);
    let served = 0;
    const worker = async (own: WeightGovernor) => {
      for (;;) {
        const permit = await own.acquire(weight, 'bulk');
        const arrival = random() * 150;
        clock.setTimer(arrival, () => {
          const used = counter.arrive(weight, clock.now() + clockOffMs);
          clock.setTimer(random() * 150, () => {
            served += weight;
            own.settle(permit, used);
          });
        });
        await new Promise<void>((resolve) => clock.setTimer(arrival + 300, resolve));
      }
    };
    for (const own of governors) for (let index = 0; index < 64; index++) void worker(own).catch(() => {});
    for (let second = 0; second < 100; second++) await clock.advance(1_000);
    for (const own of governors) await own.stop();
    await clock.advance(1_000);
    expect(counter.highest).toBeLessThanOrEqual(2400);
    // Three minutes were touched; a wrong clock costs throughput, never the limit.
    expect(served).toBeGreaterThan(clockOffMs > 1000 ? 1500 : 3000);
  });
});

/** What a governor lets out under load, beside the monotonic time of it; the exchange's minutes go by `exchangeNow`. */
async function underLoad(
  exchangeNow: (rig: GovernorRig) => number,
  meanwhile: (rig: GovernorRig, second: number) => void,
) {
  const rig = governorRig();
  const { governor, clock } = rig;
  const counter = new Counter();
  const random = seededRandom(3);
  const departures: number[] = [];
  const worker = async () => {
    for (;;) {
      const permit = await governor.acquire(2, 'bulk');
      departures.push(clock.monotonic());
      await new Promise<void>((resolve) => clock.setTimer(random() * 150, resolve));
      const used = counter.arrive(2, exchangeNow(rig));
      await new Promise<void>((resolve) => clock.setTimer(random() * 150, resolve));
      governor.settle(permit, used);
    }
  };
  for (let index = 0; index < 64; index++) void worker().catch(() => {});
  for (let second = 0; second < 150; second++) {
    meanwhile(rig, second);
    await clock.advance(1_000);
  }
  await governor.stop();
  await clock.advance(1_000);
  return { departures, highest: counter.highest };
}

describe('while the clocks misbehave', () => {
  const byMonotonic = ({ clock }: GovernorRig) => START + clock.monotonic();

  it.each([
    ['forward by an hour', 60 * MINUTE],
    ['back by an hour', -60 * MINUTE],
    ['forward by an hour and 25 s', 60 * MINUTE + 25_000],
    ['back by 20 s', -20_000],
  ])('T1: sends the same at the same moments when the wall clock is set %s amid a minute', async (_, jumpMs) => {
    const calm = await underLoad(byMonotonic, () => {});
    const jumped = await underLoad(byMonotonic, ({ clock }, second) => {
      if (second === 5 || second === 45) clock.jump(second === 5 ? jumpMs : -2 * jumpMs);
    });
    expect(jumped).toEqual(calm);
    expect(calm.highest).toBe(1800);
    // Three minutes were touched, and each was used to the full.
    expect(calm.departures.length * 2).toBe(3 * 1800);
  });

  it('T1: tells the time of the exchange, and until when the gate is closed, as before the wall clock was set', async () => {
    const { governor, clock } = governorRig();
    governor.setExchangeTime(START + 5_000, 10);
    clock.jump(60 * MINUTE);
    expect(governor.exchangeNow()).toBe(START + 5_000);
    const onClosed = vi.fn();
    await governor.stop();
    const { governor: next } = governorRig({ clock, onClosed });
    clock.jump(-60 * MINUTE);
    next.hold(next.exchangeNow() + 7_000, 'throttled');
    expect(onClosed.mock.calls).toEqual([[START + 60 * MINUTE + 7_000, 'throttled']]);
    expect(next.closedForMs).toBe(7_000);
  });

  it('sends no more than blind while it is in doubt which minute it is, whatever replies of before still tell', async () => {
    const { governor, clock, ask } = governorRig();
    const early = ask(2, 1, 'urgent');
    await settled();
    governor.settle(early[0] as Permit, 2);
    governor.doubtExchangeTime();
    const granted = ask(1000);
    await settled();
    expect(granted.length).toBe(120);
    governor.settle(early[1] as Permit, 2);
    await settled();
    expect(granted.length).toBe(120);
    // Another minute, as far as can be told.
    await clock.advance(31_000);
    expect(granted.length).toBe(240);
    for (const permit of granted) governor.settle(permit, 240);
    await settled();
    expect(granted.length).toBe(240);

    governor.setExchangeTime(START + 8 * 60 * MINUTE, 0);
    await settled();
    expect(granted.length).toBe(360);
    governor.settle(granted[240] as Permit, 120);
    await settled();
    expect(granted.length).toBe(1000);
  });

  it('keeps what was counted while in doubt, because it may be the same minute yet', async () => {
    const { governor, ask, sight } = governorRig();
    await sight(1850);
    governor.doubtExchangeTime();
    const granted = ask(300, 1, 'urgent');
    await settled();
    expect(granted.length).toBe(70);
    governor.setExchangeTime(START, 0);
    await settled();
    expect([granted.length, governor.weightUsed]).toEqual([70, 1920]);
  });

  it('breaks no limit after a suspend through which the monotonic clock slept, and uses the budget again', async () => {
    let sleptMs = 0;
    const { departures, highest } = await underLoad(
      ({ clock }) => START + clock.monotonic() + sleptMs,
      ({ clock, governor }, second) => {
        // In a minute of which little is used by us, into the midst of another.
        if (second === 31) {
          sleptMs = 8 * 60 * MINUTE + 20_000;
          governor.doubtExchangeTime();
        }
        if (second === 33) governor.setExchangeTime(START + clock.monotonic() + sleptMs, 0);
      },
    );
    expect(highest).toBeLessThanOrEqual(1920);
    const after = departures.filter((at) => at >= 33_000).length * 2;
    expect(after).toBeGreaterThanOrEqual(2 * 1800);
  });
});

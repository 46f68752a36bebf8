import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../../src/lib/random.js';
import type { Lane } from '../../../src/pipeline/exchange/contract.js';
import { type GovernorOptions, WeightGovernor } from '../../../src/pipeline/exchange/governor.js';
import type { Permit } from '../../../src/pipeline/exchange/weight-window.js';
import { FakeClock, settled } from '../../support/fake-clock.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1, 0, 0, 30);

let clock: FakeClock;
let governor: WeightGovernor;

function make(options: Partial<GovernorOptions> = {}): WeightGovernor {
  governor = new WeightGovernor({ clock, random: seededRandom(1), weightLimit: 2400, ...options });
  return governor;
}

/** Requests permits and collects those that have been granted so far. */
function ask(count: number, weight = 1, lane: Lane = 'bulk'): Permit[] {
  const granted: Permit[] = [];
  for (let index = 0; index < count; index++) {
    void governor.acquire(weight, lane).then(
      (permit) => granted.push(permit),
      () => {},
    );
  }
  return granted;
}

/** The first request of the minute and its reply, which ends the blind start. */
async function sight(used = 1): Promise<void> {
  governor.settle(await governor.acquire(1, 'urgent'), used);
}

beforeEach(() => {
  clock = new FakeClock(START);
});

afterEach(async () => {
  await governor.stop();
  expect(clock.pendingTimers).toBe(0);
});

describe('the budget of a minute', () => {
  it('lets at most 5 % of the limit out before the first reply has told the count', async () => {
    make();
    const granted = ask(500);
    await settled();
    expect(granted.length).toBe(120);
    governor.settle(granted[0] as Permit, 1);
    await settled();
    expect(granted.length).toBe(500);
  });

  it('lets one heavy request out blindly, because otherwise it could never go', async () => {
    make({ weightLimit: 100 });
    const granted = ask(2, 40);
    await settled();
    expect(granted.length).toBe(1);
  });

  it('grants a burst up to the share, keeps the reserve for the urgent lane, and the rest waits for the next minute', async () => {
    make();
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
    make({ weightLimit: 100 });
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
    make();
    await sight(1700);
    const granted = ask(500);
    await settled();
    expect(granted.length).toBe(100);
  });

  it('never lets the count fall within a minute, and ignores the count of an older one', async () => {
    make();
    const old = await governor.acquire(1, 'urgent');
    await clock.advance(31_000);
    await sight(1000);
    governor.settle(old, 2399);
    expect(governor.weightUsed).toBe(1000);
    governor.settle(await governor.acquire(1, 'urgent'), 900);
    expect(governor.weightUsed).toBe(1000);
  });

  it('takes requests without a reply as counted on top of the highest count seen', async () => {
    make();
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
    make({ weightLimit: 1000 });
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
    make();
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
    make();
    governor.setExchangeTime(START + 25_000, 0);
    await sight(1920);
    const granted = ask(1);
    await clock.advance(5_300);
    expect(granted.length).toBe(1);
  });

  it('refuses what no minute could ever hold', async () => {
    make({ weightLimit: 20 });
    await expect(governor.acquire(40, 'urgent')).rejects.toMatchObject({ kind: 'badRequest' });
  });

  it('refuses to queue without bound', async () => {
    make({ queueMax: 3 });
    ask(123);
    await expect(governor.acquire(1, 'urgent')).rejects.toMatchObject({ kind: 'throttled' });
  });
});

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
    const random = seededRandom(11);
    const counter = new Counter();
    const governors = Array.from({ length: processes }, () => new WeightGovernor({ clock, random, weightLimit: 2400 }));
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

describe('a weight limit that the exchange has not told yet', () => {
  const start = () => {
    governor = new WeightGovernor({ clock, random: seededRandom(1) });
  };

  it('lets the list of markets, which tells it, out at once in a minute that an earlier life has used up', async () => {
    start();
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
    start();
    const candles = ask(5);
    await clock.advance(3 * MINUTE);
    expect(candles.length).toBe(0);
    const list = ask(1, 1, 'urgent');
    await settled();
    expect([list.length, candles.length]).toEqual([1, 0]);
  });

  it('goes by the usual one when the list of markets tells none', async () => {
    start();
    const candles = ask(5);
    governor.setWeightLimit(null);
    await settled();
    expect([candles.length, governor.weightLimit]).toEqual([5, 2400]);
    governor.setWeightLimit(6000);
    governor.setWeightLimit(null);
    expect(governor.weightLimit).toBe(6000);
  });

  it('lets at most 5 % of the usual one out in a minute, whoever asks again and again for the list', async () => {
    start();
    const lists = ask(500, 1, 'urgent');
    await settled();
    expect(lists.length).toBe(120);
    await clock.advance(31_000);
    expect(lists.length).toBe(240);
  });

  it('opens no gate', async () => {
    governor = new WeightGovernor({ clock, random: seededRandom(1), closedUntil: START + 90_000 });
    const list = ask(1, 1, 'urgent');
    await clock.advance(89_999);
    expect(list.length).toBe(0);
    await clock.advance(1_000);
    expect(list.length).toBe(1);
  });
});

/** What a governor lets out under load, beside the monotonic time of it; the exchange's minutes go by `exchangeNow`. */
async function underLoad(exchangeNow: () => number, meanwhile: (second: number) => void) {
  make();
  const counter = new Counter();
  const random = seededRandom(3);
  const departures: number[] = [];
  const worker = async () => {
    for (;;) {
      const permit = await governor.acquire(2, 'bulk');
      departures.push(clock.monotonic());
      await new Promise<void>((resolve) => clock.setTimer(random() * 150, resolve));
      const used = counter.arrive(2, exchangeNow());
      await new Promise<void>((resolve) => clock.setTimer(random() * 150, resolve));
      governor.settle(permit, used);
    }
  };
  for (let index = 0; index < 64; index++) void worker().catch(() => {});
  for (let second = 0; second < 150; second++) {
    meanwhile(second);
    await clock.advance(1_000);
  }
  await governor.stop();
  await clock.advance(1_000);
  return { departures, highest: counter.highest };
}

describe('while the clocks misbehave', () => {
  const byMonotonic = () => START + clock.monotonic();

  it.each([
    ['forward by an hour', 60 * MINUTE],
    ['back by an hour', -60 * MINUTE],
    ['forward by an hour and 25 s', 60 * MINUTE + 25_000],
    ['back by 20 s', -20_000],
  ])('T1: sends the same at the same moments when the wall clock is set %s amid a minute', async (_, jumpMs) => {
    const calm = await underLoad(byMonotonic, () => {});
    clock = new FakeClock(START);
    const jumped = await underLoad(byMonotonic, (second) => {
      if (second === 5 || second === 45) clock.jump(second === 5 ? jumpMs : -2 * jumpMs);
    });
    expect(jumped).toEqual(calm);
    expect(calm.highest).toBe(1800);
    // Three minutes were touched, and each was used to the full.
    expect(calm.departures.length * 2).toBe(3 * 1800);
  });

  it('T1: tells the time of the exchange, and until when the gate is closed, as before the wall clock was set', async () => {
    make();
    governor.setExchangeTime(START + 5_000, 10);
    clock.jump(60 * MINUTE);
    expect(governor.exchangeNow()).toBe(START + 5_000);
    const onClosed = vi.fn();
    await governor.stop();
    make({ onClosed });
    clock.jump(-60 * MINUTE);
    governor.hold(governor.exchangeNow() + 7_000, 'throttled');
    expect(onClosed.mock.calls).toEqual([[START + 60 * MINUTE + 7_000, 'throttled']]);
    expect(governor.closedForMs).toBe(7_000);
  });

  it('sends no more than blind while it is in doubt which minute it is, whatever replies of before still tell', async () => {
    make();
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
    make();
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
      () => START + clock.monotonic() + sleptMs,
      (second) => {
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

describe('the gate', () => {
  it('X1: lets nothing out until the time that the exchange gave, and then goes on', async () => {
    make();
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
    make();
    governor.hold(START + 9_000, 'banned');
    governor.hold(START + 2_000, 'throttled');
    expect(governor.closedForMs).toBe(9_000);
  });

  it('stays closed as long when somebody sets the wall clock', async () => {
    make();
    governor.hold(START + 120_000, 'banned');
    clock.jump(3_600_000);
    const granted = ask(1);
    await clock.advance(119_000);
    expect(granted.length).toBe(0);
    await clock.advance(62_000);
    expect(granted.length).toBe(1);
  });

  it('X2: a ban known from an earlier life keeps it closed from the first moment', async () => {
    make({ closedUntil: START + 90_000 });
    const granted = ask(5, 1, 'urgent');
    await clock.advance(89_999);
    expect(granted.length).toBe(0);
    await clock.advance(1_000);
    expect(granted.length).toBe(5);
  });

  it('is open when the known ban is over', async () => {
    make({ closedUntil: START - 1 });
    expect(governor.closedForMs).toBe(0);
    expect(governor.closedUntil).toBeNull();
  });

  it('tells a closing once, not once per reply of the burst, and tells when it is prolonged', () => {
    const onClosed = vi.fn();
    make({ onClosed });
    for (let index = 0; index < 64; index++) governor.hold(START + 7_000 + index, 'throttled');
    expect(onClosed.mock.calls).toEqual([[START + 7_000, 'throttled']]);
    governor.hold(START + 120_000, 'banned');
    expect(onClosed).toHaveBeenLastCalledWith(START + 120_000, 'banned');
  });

  it('refuses a hold that ends at no time', () => {
    expect(() => make({ closedUntil: Number.NaN })).toThrow(RangeError);
    make();
  });
});

describe('waiting', () => {
  it('rejects with the reason of the signal, leaves the queue, and lets the next one go', async () => {
    make({ weightLimit: 100 });
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
    make();
    const reason = new Error('late');
    await expect(governor.acquire(1, 'bulk', AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(governor.weightUsed).toBe(0);
  });

  it('rejects everyone when it is stopped, also those who come later', async () => {
    make({ closedUntil: START + MINUTE });
    const waiting = governor.acquire(1, 'bulk');
    await governor.stop();
    await expect(waiting).rejects.toMatchObject({ kind: 'unreachable' });
    await expect(governor.acquire(1, 'bulk')).rejects.toMatchObject({ kind: 'unreachable' });
  });
});

describe('another share', () => {
  it('counts from now on, for what waits as well', async () => {
    make({ weightLimit: 100, share: 0.2 });
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
    make({ weightLimit: 100 });
    await sight(79);
    const heavy = governor.acquire(40, 'urgent');
    const light = ask(1, 1, 'urgent');
    governor.setShare(0.3);
    await expect(heavy).rejects.toMatchObject({ kind: 'badRequest' });
    await clock.advance(MINUTE);
    expect(light.length).toBe(1);
  });

  it.each([0, -1, 1.1, Number.NaN])('cannot be %d', (share) => {
    make();
    expect(() => governor.setShare(share)).toThrow(RangeError);
  });
});

describe('plan', () => {
  it('says what fits now and how long the rest waits', async () => {
    make();
    expect(governor.plan(1590)).toEqual({ now: 1590, later: 0, waitMs: 0 });
    expect(governor.plan(3180)).toEqual({ now: 1800, later: 1380, waitMs: 30_250 });
    expect(governor.plan(7950)).toEqual({ now: 1800, later: 6150, waitMs: 30_250 + 3 * MINUTE });
    await sight(1000);
    expect(governor.plan(1590)).toEqual({ now: 800, later: 790, waitMs: 30_250 });
    expect(governor.plan(900, 'urgent')).toEqual({ now: 900, later: 0, waitMs: 0 });
  });

  it('waits for the gate', () => {
    make({ closedUntil: START + 10_000 });
    expect(governor.plan(100)).toEqual({ now: 100, later: 0, waitMs: 10_000 });
    governor.hold(START + 100_000, 'banned');
    expect(governor.plan(100)).toEqual({ now: 0, later: 100, waitMs: 100_000 });
  });
});

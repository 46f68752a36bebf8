import { describe, expect, it } from 'vitest';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import type { Permit } from '../../src/pipeline/exchange/weight-window.js';
import { ExchangeClockKeeper, type ExchangeClockOptions } from '../../src/scheduler/exchange-clock.js';
import { FakeExchangeTime } from '../support/fake-exchange-time.js';
import { FakeMachine } from '../support/fake-machine.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 0, 1, 12);

type KeeperSetup = Partial<ExchangeClockOptions> & { rate?: number; wallErrorMs?: number };

/** A keeper of the time of an exchange whose clock runs at `rate`, on a machine whose wall clock is wrong to begin with. */
function startKeeper({ rate = 1, wallErrorMs = 0, ...options }: KeeperSetup = {}) {
  const machine = new FakeMachine(START);
  const { clock } = machine;
  const exchange = new FakeExchangeTime(machine, rate);
  clock.jump(wallErrorMs);
  const governor = new WeightGovernor({ clock, random: () => 0, weightLimit: 2_400 });
  const skews: boolean[] = [];
  const errors: [message: string, inARow: number][] = [];
  const keeper = new ExchangeClockKeeper({
    client: exchange,
    governor,
    clock,
    random: () => 0.5,
    onSkew: ({ skewed }) => skews.push(skewed),
    onError: (error, inARow) => errors.push([(error as Error).message, inARow]),
    ...options,
  });
  const errorMs = () => keeper.exchangeNow() - exchange.now();
  return { machine, clock, exchange, governor, keeper, skews, errors, errorMs };
}

describe('ExchangeClockKeeper', () => {
  it('begins with what the governor knows', () => {
    const { governor, clock } = startKeeper();
    governor.setExchangeTime(START - 5_000, 0);
    const options = { client: new FakeExchangeTime(new FakeMachine(START)), governor, clock, random: () => 0 };
    expect(new ExchangeClockKeeper(options).exchangeNow()).toBe(START - 5_000);
  });

  it('asks at once and then every ten minutes', async () => {
    const { clock, exchange, keeper } = startKeeper();
    keeper.start();
    keeper.start();
    await clock.advance(1_000);
    expect(exchange.asked).toBe(1);
    await clock.advance(598_000);
    expect(exchange.asked).toBe(1);
    await clock.advance(HOUR);
    expect(exchange.asked).toBe(7);
    expect(keeper.stats()).toMatchObject({ readingsTotal: 7, failuresTotal: 0 });
    await keeper.stop();
  });

  it('knows the time with its first reading where the wall clock is wrong by an hour, and warns', async () => {
    const { clock, keeper, skews, errorMs } = startKeeper({ wallErrorMs: HOUR });
    expect([errorMs(), keeper.skewMs()]).toEqual([HOUR, 0]);
    keeper.start();
    await clock.advance(1_000);
    expect([errorMs(), keeper.skewMs()]).toEqual([0, HOUR]);
    await clock.advance(HOUR);
    expect(skews).toEqual([true]);
    await keeper.stop();
  });

  it.each([1.0005, 0.9995])(
    'follows an exchange whose clock runs %d times as fast within what a reply can tell',
    async (rate) => {
      const { clock, keeper, errorMs } = startKeeper({ rate });
      keeper.start();
      let worstMs = 0;
      for (let minute = 0; minute < 24 * 60; minute++) {
        await clock.advance(MINUTE);
        worstMs = Math.max(worstMs, Math.abs(errorMs()));
      }
      // 600 s at 500 ppm, and half a round trip of 80 ms.
      expect(worstMs).toBeGreaterThan(250);
      expect(worstMs).toBeLessThanOrEqual(300 + 40 + 1);
      await keeper.stop();
    },
  );

  it.each([0.02, 0.98])(
    'is not moved by a slow reply that spent %d of its time on the way there',
    async (outboundShare) => {
      const { clock, exchange, keeper, errorMs } = startKeeper();
      keeper.start();
      await clock.advance(MINUTE);
      Object.assign(exchange, { roundTripMs: 9_000, outboundShare });
      keeper.refresh();
      await clock.advance(MINUTE);
      expect(keeper.stats().readingsTotal).toBe(2);
      expect(errorMs()).toBe(0);
      await keeper.stop();
    },
  );

  it('is not moved by one wrong answer, and neither is the governor', async () => {
    const { clock, exchange, governor, keeper, errors, errorMs } = startKeeper();
    keeper.start();
    await clock.advance(MINUTE);
    for (const offMs of [24 * HOUR, -24 * HOUR]) {
      exchange.faults.push(offMs);
      keeper.refresh();
      await clock.advance(100);
      // As the client has done meanwhile, which believes every answer.
      governor.setExchangeTime(exchange.now() + offMs, 0);
      await clock.advance(MINUTE);
      expect(errorMs()).toBe(0);
      expect(governor.exchangeNow() - exchange.now()).toBe(0);
    }
    expect(errors).toEqual([
      ['the exchange gave two times that are 86399920 ms apart', 1],
      ['the exchange gave two times that are 86399920 ms apart', 1],
    ]);
    await keeper.stop();
  });

  it('follows two answers that agree', async () => {
    const { clock, exchange, keeper, errors, errorMs } = startKeeper();
    keeper.start();
    await clock.advance(MINUTE);
    exchange.faults.push(5_000, 5_000);
    keeper.refresh();
    await clock.advance(MINUTE);
    expect(errorMs()).toBe(5_000);
    expect(errors).toEqual([]);
    await keeper.stop();
  });

  it('survives an exchange that does not answer, asks it ever more rarely, and goes on by its own clock', async () => {
    const { clock, exchange, keeper, errors, errorMs } = startKeeper();
    exchange.faults.push(...Array.from({ length: 40 }, () => new Error('unreachable')));
    keeper.start();
    // A request takes 80 ms; the waits are half of ceilings of 1, 2, 4… s.
    await clock.advance(1_739);
    expect(errors.map(([, inARow]) => inARow)).toEqual([1, 2]);
    await clock.advance(1);
    expect(errors.map(([, inARow]) => inARow)).toEqual([1, 2, 3]);
    await clock.advance(10 * MINUTE);
    expect(exchange.asked).toBeLessThan(30);
    expect(keeper.stats()).toMatchObject({ readingsTotal: 0, ageMs: null });
    expect(errorMs()).toBe(0);
    await clock.advance(10 * MINUTE);
    expect(keeper.stats()).toMatchObject({ readingsTotal: 1, failuresTotal: 40 });
    exchange.faults.push(new Error('unreachable'));
    keeper.refresh();
    await clock.advance(MINUTE);
    expect(errors.at(-1)).toEqual(['unreachable', 1]);
    await keeper.stop();
  });

  it('asks at once after a pause, and knows the time again that the monotonic clock slept through', async () => {
    const { machine, clock, exchange, keeper, errorMs, skews } = startKeeper();
    keeper.start();
    await clock.advance(MINUTE);
    machine.suspend(8 * HOUR);
    expect(errorMs()).toBe(-8 * HOUR);
    keeper.notice({ kind: 'pause' });
    await clock.advance(1_000);
    expect(errorMs()).toBe(0);
    expect(exchange.asked).toBe(3);
    expect(skews).toEqual([]);
    await keeper.stop();
  });

  it.each([
    ['pause', 120],
    ['clockJump', 1_000],
    ['lag', 1_000],
  ] as const)(
    'lets the governor send blind only from a %s to the next reading where that may be needed',
    async (kind, most) => {
      const { clock, exchange, governor, keeper } = startKeeper();
      /** As the client does. */
      const serverTime = exchange.serverTime.bind(exchange);
      exchange.serverTime = async (options) => {
        const answer = await serverTime(options);
        governor.setExchangeTime(answer.serverTime + answer.roundTripMs / 2, 0);
        return answer;
      };
      keeper.start();
      await clock.advance(MINUTE + 1_000);
      governor.settle(await governor.acquire(1, 'urgent'), 1);
      keeper.notice({ kind });
      const granted: Permit[] = [];
      for (let index = 0; index < 1_000; index++) {
        void governor.acquire(1, 'bulk').then((permit) => granted.push(permit));
      }
      await clock.advance(70);
      expect(granted).toHaveLength(most);
      // The reading, and the first reply after it, which shows the count.
      await clock.advance(10);
      governor.settle(granted[0] as Permit, 1);
      await clock.advance(0);
      expect(granted).toHaveLength(1_000);
      await Promise.all([keeper.stop(), governor.stop()]);
    },
  );

  it('drops a reading that was under way when the machine was suspended', async () => {
    const { machine, clock, exchange, keeper, errorMs } = startKeeper();
    exchange.roundTripMs = 2_000;
    keeper.start();
    await clock.advance(1_500);
    machine.suspend(HOUR);
    keeper.notice({ kind: 'pause' });
    await clock.advance(1_000);
    expect(keeper.stats().readingsTotal).toBe(0);
    await clock.advance(10_000);
    expect(errorMs()).toBe(0);
    await keeper.stop();
  });

  it('does not use an answer that comes in spite of having been given up', async () => {
    const answers: ((serverTime: number) => void)[] = [];
    const client = {
      serverTime: () =>
        new Promise<{ serverTime: number; roundTripMs: number }>((resolve) => {
          answers.push((serverTime) => resolve({ serverTime, roundTripMs: 0 }));
        }),
    };
    const { clock, exchange, keeper, errors, errorMs } = startKeeper({ client });
    keeper.start();
    keeper.refresh();
    answers[0]?.(exchange.now() - 900);
    await clock.advance(1_000);
    expect(errorMs()).toBe(0);
    expect(keeper.stats().readingsTotal).toBe(0);
    answers[1]?.(exchange.now() + 900);
    await clock.advance(1_000);
    expect(errorMs()).toBe(900);
    expect(errors).toEqual([]);
    await keeper.stop();
  });

  it('asks nobody because of a lag', async () => {
    const { clock, exchange, keeper } = startKeeper();
    keeper.start();
    await clock.advance(MINUTE);
    keeper.notice({ kind: 'lag' });
    await clock.advance(MINUTE);
    expect(exchange.asked).toBe(1);
    await keeper.stop();
  });

  it('T1: does not move when the wall clock is set, nor does the governor, and warns once per change', async () => {
    const { clock, exchange, governor, keeper, skews, errorMs } = startKeeper();
    keeper.start();
    await clock.advance(MINUTE);
    for (const jumpMs of [HOUR, -2 * HOUR, 24 * HOUR]) {
      clock.jump(jumpMs);
      expect(governor.exchangeNow() - exchange.now()).toBe(0);
      keeper.notice({ kind: 'clockJump' });
      expect(governor.exchangeNow() - exchange.now()).toBe(0);
      await clock.advance(15 * MINUTE);
      expect(errorMs()).toBe(0);
    }
    expect(keeper.skewMs()).toBe(23 * HOUR);
    expect(skews).toEqual([true]);
    clock.jump(-23 * HOUR);
    keeper.notice({ kind: 'clockJump' });
    await clock.advance(15 * MINUTE);
    expect(skews).toEqual([true, false]);
    await keeper.stop();
  });

  it('warns beyond a second of difference and not before', async () => {
    const { clock, keeper, skews } = startKeeper();
    keeper.start();
    clock.jump(-1_000);
    await clock.advance(MINUTE);
    expect(skews).toEqual([]);
    clock.jump(-1);
    keeper.refresh();
    await clock.advance(MINUTE);
    expect(skews).toEqual([true]);
    await keeper.stop();
  });

  it.each([
    ['waits for its next reading', 60_000, 0],
    ['is reading', 40, 0],
    ['backs off', 400, 1],
  ])('leaves no timer when it is stopped while it %s', async (_, afterMs, failures) => {
    const { clock, exchange, keeper, errors } = startKeeper();
    if (failures > 0) exchange.faults.push(new Error('unreachable'));
    keeper.start();
    await clock.advance(afterMs);
    expect(clock.pendingTimers).toBe(1);
    await keeper.stop();
    await keeper.stop();
    expect(clock.pendingTimers).toBe(0);
    expect(errors).toHaveLength(failures);
    keeper.refresh();
    await clock.advance(HOUR);
    expect(exchange.asked).toBe(1);
  });

  it('may be stopped before it was started', async () => {
    const { clock, exchange, keeper } = startKeeper();
    await keeper.stop();
    keeper.start();
    await clock.advance(MINUTE);
    expect(exchange.asked).toBe(0);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collectGarbage } from '../../src/lib/collect-garbage.js';
import {
  MemoryGuard,
  type MemoryGuardOptions,
  type PressureChange,
  type Reliever,
} from '../../src/lib/memory-guard.js';
import { MemoryPressure } from '../../src/lib/memory-pressure.js';
import { FakeClock, settled } from '../support/fake-clock.js';

const LIMIT = 1_000;
const CALM = 3;

/** A guard on a fake clock, a second a reading, whose memory is what the test says it is. */
function rig(more: Partial<MemoryGuardOptions> = {}, relieversOf: (log: string[]) => readonly Reliever[] = recording) {
  const clock = new FakeClock();
  const log: string[] = [];
  const changes: PressureChange[] = [];
  const failures: string[] = [];
  const memory = { rssBytes: 0 };
  const guard = new MemoryGuard({
    limitBytes: LIMIT,
    calmReadings: CALM,
    clock,
    probe: () => memory,
    relievers: relieversOf(log),
    onChange: (change) => changes.push(change),
    onFailure: ({ name, way, error }) => failures.push(`${name} ${way}: ${(error as Error).message}`),
    ...more,
  });
  /** One reading of each. */
  const feed = async (...readings: readonly number[]) => {
    for (const rssBytes of readings) {
      memory.rssBytes = rssBytes;
      await clock.advance(1_000);
    }
  };
  guard.start();
  return {
    clock,
    log,
    changes,
    failures,
    guard,
    feed,
    steps: () => changes.map(({ from, level }) => `${from}>${level}`),
  };
}

function recording(log: string[]): readonly Reliever[] {
  const reliever = (name: string, level: 1 | 2 | 3): Reliever => ({
    name,
    level,
    enter: () => log.push(`enter ${name}`),
    leave: () => log.push(`leave ${name}`),
  });
  return [reliever('caches', 1), reliever('queries', 2), reliever('rebuildable', 1), reliever('restart', 3)];
}

const never = () => new Promise<never>(() => {});

describe('MemoryGuard', () => {
  it('P8: enters the levels at 80, 100 and 120 % of the limit, each once, its relievers in order', async () => {
    const { feed, log, steps, guard, changes } = rig();
    await feed(799);
    expect(guard.level()).toBe(0);
    await feed(800, 999);
    expect([guard.level(), log]).toEqual([1, ['enter caches', 'enter rebuildable']]);
    await feed(1_000, 1_199);
    expect([guard.level(), log.slice(2)]).toEqual([2, ['enter queries']]);
    await feed(1_200, 5_000);
    expect([guard.level(), log.slice(3)]).toEqual([3, ['enter restart']]);
    expect(steps()).toEqual(['0>1', '1>2', '2>3']);
    expect(changes[1]).toEqual({ level: 2, from: 1, rssBytes: 1_000, limitBytes: LIMIT });
    await guard.stop();
  });

  it('goes through the levels in between when memory leaps, up and down', async () => {
    const { feed, log, steps, guard } = rig();
    await feed(2_000);
    expect(log).toEqual(['enter caches', 'enter rebuildable', 'enter queries', 'enter restart']);
    await feed(...Array.from({ length: CALM }, () => 10));
    expect(log.slice(4)).toEqual(['leave restart', 'leave queries', 'leave rebuildable', 'leave caches']);
    expect(steps()).toEqual(['0>1', '1>2', '2>3', '3>2', '2>1', '1>0']);
    await guard.stop();
  });

  it('judges by another limit from the next reading on', async () => {
    const { feed, guard, changes, steps } = rig();
    await feed(799);
    guard.setLimit(LIMIT / 2);
    expect([guard.level(), guard.stats().limitBytes]).toEqual([0, LIMIT / 2]);
    await feed(450);
    expect(changes).toEqual([{ level: 1, from: 0, rssBytes: 450, limitBytes: LIMIT / 2 }]);
    guard.setLimit(10 * LIMIT);
    await feed(...Array.from({ length: CALM }, () => 450));
    expect(steps()).toEqual(['0>1', '1>0']);
    expect(() => guard.setLimit(0)).toThrow(RangeError);
    await guard.stop();
  });

  it('takes a reading at its start and then one a second', async () => {
    const { guard, clock } = rig();
    expect(guard.stats().readings).toBe(1);
    guard.start();
    await clock.advance(999);
    expect(guard.stats().readings).toBe(1);
    await clock.advance(1);
    expect(guard.stats().readings).toBe(2);
    await guard.stop();
  });

  it('keeps a level while memory flaps around its threshold', async () => {
    const { feed, steps, guard } = rig();
    for (let second = 0; second < 20; second++) await feed(801, 751, 749, 749);
    expect(steps()).toEqual(['0>1']);
    await feed(750, 749, 749);
    expect(guard.level()).toBe(1);
    await feed(749);
    expect(steps()).toEqual(['0>1', '1>0']);
    expect(guard.stats().entered).toEqual({ 1: 1, 2: 0, 3: 0 });
    await guard.stop();
  });

  it('goes on after a reliever that throws, and says which', async () => {
    const { feed, failures, guard, log } = rig({}, (log) => [
      {
        name: 'broken',
        level: 1,
        enter: () => {
          throw new Error('no');
        },
        leave: () => Promise.reject(new Error('neither')),
      },
      { name: 'sound', level: 1, enter: () => log.push('enter sound'), leave: () => log.push('leave sound') },
    ]);
    await feed(900, 0, 0, 0);
    expect(log).toEqual(['enter sound', 'leave sound']);
    expect(failures).toEqual(['broken enter: no', 'broken leave: neither']);
    expect(guard.stats()).toMatchObject({ level: 0, relieverFailures: 2, otherFailures: 0 });
    await guard.stop();
  });

  it('waits for a reliever that hangs no longer than it may take, tells it so, and goes on reading meanwhile', async () => {
    const signals: AbortSignal[] = [];
    const { clock, feed, failures, guard, log } = rig({ relieverMs: 2_500 }, (log) => [
      { name: 'stuck', level: 1, enter: (signal) => (signals.push(signal), never()) },
      { name: 'next', level: 1, enter: () => log.push('enter next') },
    ]);
    await feed(900, 900, 900);
    expect([log, guard.stats().readings]).toEqual([[], 4]);
    await clock.advance(500);
    expect(log).toEqual(['enter next']);
    expect(signals[0]?.aborted).toBe(true);
    expect(failures).toEqual(['stuck enter: did not enter within 2500 ms']);
    await guard.stop();
  });

  it('queues nothing behind a reliever that hangs: it goes on from where it is to the level that holds then', async () => {
    let release = () => {};
    const { feed, guard, log } = rig({ relieverMs: 60_000, calmReadings: 1 }, (log) => [
      {
        name: 'slow',
        level: 1,
        enter: () => new Promise<void>((resolve) => (release = resolve)),
        leave: () => log.push('leave slow'),
      },
      ...recording(log).filter(({ level }) => level > 1),
    ]);
    for (let swing = 0; swing < 5; swing++) await feed(1_500, 0);
    expect(log).toEqual([]);
    release();
    await feed(0);
    expect(log).toEqual(['leave slow']);
    expect(guard.stats().entered).toEqual({ 1: 5, 2: 5, 3: 5 });
    await guard.stop();
  });

  it('stops at once while a reliever hangs, leaves no timer, and does nothing afterwards', async () => {
    let aborted: unknown;
    const { clock, feed, failures, guard, log } = rig({}, (log) => [
      {
        name: 'stuck',
        level: 1,
        enter: (signal) => (signal.addEventListener('abort', () => (aborted = signal.reason)), never()),
      },
      ...recording(log),
    ]);
    await feed(5_000);
    await Promise.all([guard.stop(), guard.stop()]);
    expect(clock.pendingTimers).toBe(0);
    expect((aborted as Error).message).toBe('the memory guard was stopped');
    guard.start();
    await feed(0, 0, 0, 0);
    expect([log, failures, guard.level()]).toEqual([[], [], 3]);
  });

  it('keeps its level when a reading fails or is no number, and counts it', async () => {
    const readings: (() => number)[] = [
      () => 900,
      () => Number.NaN,
      () => {
        throw new Error('EMFILE');
      },
      () => Number.POSITIVE_INFINITY,
    ];
    const { clock, guard } = rig({ probe: () => ({ rssBytes: (readings.shift() ?? (() => 900))() }) });
    await clock.advance(4_000);
    expect(guard.stats()).toMatchObject({ level: 1, rssBytes: 900, peakRssBytes: 900, readings: 5, otherFailures: 3 });
    await guard.stop();
  });

  it('goes on when those who watch it throw', async () => {
    const fail = () => {
      throw new Error('observer');
    };
    const { feed, guard } = rig({ onChange: fail, onFailure: fail }, () => [{ name: 'broken', level: 2, enter: fail }]);
    await feed(1_000);
    expect(guard.stats()).toMatchObject({ level: 2, relieverFailures: 1, otherFailures: 3 });
    await guard.stop();
  });

  it.each([
    [{ limitBytes: 0 }, /limitBytes: found 0/],
    [{ limitBytes: Number.POSITIVE_INFINITY }, /limitBytes/],
    [{ marginShare: 0.8 }, /marginShare: found 0.8/],
    [{ calmReadings: 0 }, /calmReadings: found 0/],
    [{ everyMs: 0 }, /everyMs: found 0/],
    [{ relieverMs: Number.NaN }, /relieverMs: found NaN/],
  ])('refuses %j', (options, message) => {
    expect(() => rig(options)).toThrow(message);
  });

  it('whatever memory does, the relievers that were entered and not left are those of the level that holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 600, max: 1_300 }), { maxLength: 60 }), async (readings) => {
        const { clock, feed, log, guard, steps } = rig();
        await feed(...readings);
        const active = new Set<string>();
        for (const line of log) {
          const [way, name = ''] = line.split(' ');
          expect(active.has(name)).toBe(way === 'leave');
          if (way === 'enter') active.add(name);
          else active.delete(name);
        }
        const names = [[], ['caches', 'rebuildable'], ['queries'], ['restart']].slice(0, guard.level() + 1).flat();
        expect([...active].sort()).toEqual(names.sort());
        for (const step of steps()) expect(Math.abs(Number(step[0]) - Number(step[2]))).toBe(1);
        await guard.stop();
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('MemoryPressure', () => {
  /** The definition: the highest level whose threshold was reached and which was not calm for long enough since. */
  function expected(readings: readonly number[]): number {
    const holds = (share: number) => {
      const reached = readings.findLastIndex((bytes) => bytes >= share * LIMIT);
      if (reached < 0) return false;
      const since = readings.slice(reached + 1).map((bytes) => (bytes < share * LIMIT - 0.05 * LIMIT ? 'c' : '-'));
      return !since.join('').includes('c'.repeat(CALM));
    };
    return [0.8, 1, 1.2].findLastIndex(holds) + 1;
  }

  it('holds the highest level that was reached and has not been calm since', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 650, max: 1_250 }), { maxLength: 80 }), (readings) => {
        const pressure = new MemoryPressure({ limitBytes: LIMIT, calmReadings: CALM });
        for (const [index, bytes] of readings.entries()) {
          const from = pressure.level;
          const passed = pressure.read(bytes);
          expect(pressure.level).toBe(expected(readings.slice(0, index + 1)));
          expect([from, ...passed].at(-1)).toBe(pressure.level);
          expect(passed).toHaveLength(Math.abs(pressure.level - from));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('collectGarbage', () => {
  it('frees what nobody holds, in a process that was not started with --expose-gc', async () => {
    let large: object | null = { bytes: Array.from({ length: 1_000 }, (_, index) => ({ index })) };
    const held = new WeakRef(large);
    large = null;
    // A WeakRef keeps what it was made of alive until the end of this turn.
    await settled();
    collectGarbage();
    expect(held.deref()).toBeUndefined();
    expect(globalThis.gc).toBeUndefined();
  });
});

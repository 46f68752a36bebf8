import { expect, onTestFinished } from 'vitest';
import { seededRandom } from '../../src/lib/random.js';
import type { Lane } from '../../src/pipeline/exchange/contract.js';
import { type GovernorOptions, WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import type { Permit } from '../../src/pipeline/exchange/weight-window.js';
import { FakeClock } from './fake-clock.js';

/** Half a minute into a minute of the exchange. */
export const START = Date.UTC(2026, 0, 1, 0, 0, 30);

export interface GovernorRigOptions extends Partial<Omit<GovernorOptions, 'clock' | 'weightLimit'>> {
  readonly clock?: FakeClock;
  /** Null for a limit that the exchange has not told yet. */
  readonly weightLimit?: number | null;
}

export type GovernorRig = ReturnType<typeof governorRig>;

/** A governor on a fake clock, which is stopped when the test ends and must leave no timer. */
export function governorRig({ clock = new FakeClock(START), weightLimit = 2400, ...options }: GovernorRigOptions = {}) {
  const governor = new WeightGovernor({
    clock,
    random: seededRandom(1),
    ...(weightLimit !== null && { weightLimit }),
    ...options,
  });
  onTestFinished(async () => {
    await governor.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  /** Requests permits and collects those that have been granted so far. */
  const ask = (count: number, weight = 1, lane: Lane = 'bulk'): Permit[] => {
    const granted: Permit[] = [];
    for (let index = 0; index < count; index++) {
      void governor.acquire(weight, lane).then(
        (permit) => granted.push(permit),
        () => {},
      );
    }
    return granted;
  };
  /** The first request of the minute and its reply, which ends the blind start. */
  const sight = async (used = 1): Promise<void> => governor.settle(await governor.acquire(1, 'urgent'), used);
  return { clock, governor, ask, sight };
}

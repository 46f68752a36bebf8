import { describe, expect, it } from 'vitest';
import { BusyTime } from '../../src/lib/busy-time.js';
import { sleep } from '../../src/lib/clock.js';
import { FakeClock } from '../support/fake-clock.js';

describe('BusyTime', () => {
  it('counts overlapping work once and pauses not at all', async () => {
    const clock = new FakeClock();
    const busy = new BusyTime(clock);
    const work = (ms: number) => busy.during(() => sleep(clock, ms));
    const both = [work(100), work(30)];
    await clock.advance(80);
    both.push(work(50));
    await clock.advance(1_000);
    await Promise.all(both);
    expect(busy.totalMs).toBe(130);
    const later = work(5);
    await clock.advance(5);
    await later;
    expect(busy.totalMs).toBe(135);
  });

  it('gives what the work gives, and counts it when it fails', async () => {
    const clock = new FakeClock();
    const busy = new BusyTime(clock);
    expect(await busy.during(async () => 'done')).toBe('done');
    const failing = busy.during(async () => {
      await sleep(clock, 10);
      throw new Error('no');
    });
    failing.catch(() => undefined);
    await clock.advance(10);
    await expect(failing).rejects.toThrow('no');
    expect(busy.totalMs).toBe(10);
  });
});

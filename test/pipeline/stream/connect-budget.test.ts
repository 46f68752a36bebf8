import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/lib/random.js';
import { ConnectBudget } from '../../../src/pipeline/stream/connect-budget.js';
import { FakeClock } from '../../support/fake-clock.js';

const MINUTE_MS = 60_000;

function build(random = seededRandom(1)) {
  const clock = new FakeClock();
  return { clock, budget: new ConnectBudget({ clock, random }) };
}

/** The most attempts of any window of five minutes. */
function densest(times: readonly number[]): number {
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 5 * MINUTE_MS).length));
}

describe('ConnectBudget', () => {
  it('lets attempts go at once while nothing has failed', () => {
    const { budget } = build();
    const granted: number[] = [];
    for (let i = 0; i < 16; i++) budget.request(() => granted.push(i));
    expect(granted).toEqual(Array.from({ length: 16 }, (_, i) => i));
  });

  it('W1: keeps under 31 attempts in any 5 minutes over hours of failure of 16 connections, and never gives up', async () => {
    const { clock, budget } = build();
    const times: number[] = [];
    const connect = () => {
      const attemptedAt = clock.monotonic();
      times.push(attemptedAt);
      clock.setTimer(40, () => {
        budget.lost({ attemptedAt, provenAt: null });
        budget.request(connect);
      });
    };
    for (let i = 0; i < 16; i++) budget.request(connect);
    await clock.advance(180 * MINUTE_MS);
    expect(densest(times)).toBeLessThanOrEqual(30);
    expect(times.filter((at) => at > 170 * MINUTE_MS).length).toBeGreaterThan(5);
  });

  it('W1: keeps under 31 attempts in any 5 minutes when connections open, bring data and die at once', async () => {
    const { clock, budget } = build();
    const times: number[] = [];
    const connect = () => {
      const attemptedAt = clock.monotonic();
      times.push(attemptedAt);
      clock.setTimer(40, () => {
        budget.proven();
        budget.lost({ attemptedAt, provenAt: clock.monotonic() });
        budget.request(connect);
      });
    };
    for (let i = 0; i < 16; i++) budget.request(connect);
    await clock.advance(60 * MINUTE_MS);
    expect(densest(times)).toBeLessThanOrEqual(30);
  });

  it('W1: waits between 0.5 and 60 s, with a ceiling that doubles and full jitter below it', async () => {
    for (const [draw, expected] of [
      [0, [500, 500, 500, 500, 500, 500, 500, 500, 500]],
      [1 - 2 ** -32, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]],
    ] as const) {
      const { clock, budget } = build(() => draw);
      for (const waitMs of expected) {
        const attemptedAt = clock.monotonic();
        await clock.advance(1);
        budget.lost({ attemptedAt, provenAt: null });
        let grantedAt = Number.NaN;
        const from = clock.monotonic();
        budget.request(() => {
          grantedAt = clock.monotonic();
        });
        await clock.advance(waitMs);
        expect(grantedAt - from).toBe(waitMs);
      }
    }
  });

  it('counts connections that fall together as one failure', async () => {
    const { clock, budget } = build(() => 1 - 2 ** -32);
    for (let i = 0; i < 16; i++) budget.lost({ attemptedAt: -MINUTE_MS, provenAt: -MINUTE_MS + 1 });
    let granted = 0;
    budget.request(() => granted++);
    await clock.advance(999);
    expect(granted).toBe(0);
    await clock.advance(1);
    expect(granted).toBe(1);
  });

  it('probes with one connection after a failure, and lets the next go as soon as that one brings data', async () => {
    const { clock, budget } = build(() => 1 - 2 ** -32);
    for (let i = 0; i < 6; i++) {
      await clock.advance(1);
      const attemptedAt = clock.monotonic();
      await clock.advance(1);
      budget.lost({ attemptedAt, provenAt: null });
    }
    const granted: string[] = [];
    for (const name of ['a', 'b', 'c']) budget.request(() => granted.push(name));
    await clock.advance(32_000);
    expect(granted).toEqual(['a']);
    budget.proven();
    expect(granted).toEqual(['a', 'b']);
    budget.proven();
    expect(granted).toEqual(['a', 'b', 'c']);
  });

  it('takes a request back', async () => {
    const { clock, budget } = build();
    budget.lost({ attemptedAt: 0, provenAt: null });
    let granted = 0;
    budget.request(() => granted++)();
    budget.request(() => granted++);
    await clock.advance(MINUTE_MS);
    expect(granted).toBe(1);
  });

  it('leaves no timer when closed', () => {
    const { clock, budget } = build();
    budget.lost({ attemptedAt: 0, provenAt: null });
    budget.request(() => {});
    expect(clock.pendingTimers).toBe(1);
    budget.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

import { describe, expect, it, vi } from 'vitest';
import { RetryBudget, type RetryOptions, retry } from '../../src/lib/retry.js';
import { FakeClock, settled } from '../support/fake-clock.js';

function run(attempt: () => Promise<string>, clock: FakeClock, options: Partial<RetryOptions> = {}): Promise<string> {
  return retry(attempt, {
    retries: 2,
    isRetryable: () => true,
    backoffMs: 100,
    longestBackoffMs: 1_000,
    budget: new RetryBudget(),
    clock,
    random: () => 0.5,
    ...options,
  });
}

const failing = () => vi.fn(() => Promise.reject(new Error('ill')));

describe('retry', () => {
  it('resolves with the first success', async () => {
    const clock = new FakeClock();
    const attempt = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('ill')).mockResolvedValue('well');
    const result = run(attempt, clock);
    await clock.advance(50);
    expect(await result).toBe('well');
    expect(attempt).toHaveBeenCalledTimes(2);
  });

  it('waits a uniform share of a ceiling that doubles, then rejects with the last error', async () => {
    const clock = new FakeClock();
    const attempt = failing();
    const result = run(attempt, clock, { retries: 3, longestBackoffMs: 150 }).catch((error: Error) => error.message);
    const calls: number[] = [];
    for (const byMs of [49, 1, 74, 1, 74, 1]) {
      await clock.advance(byMs);
      calls.push(attempt.mock.calls.length);
    }
    expect(calls).toEqual([1, 2, 2, 3, 3, 4]);
    expect(await result).toBe('ill');
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects at once with what trying again cannot help', async () => {
    const attempt = failing();
    await expect(run(attempt, new FakeClock(), { isRetryable: () => false })).rejects.toThrow('ill');
    expect(attempt).toHaveBeenCalledTimes(1);
  });

  it('waits as long as the error says in place of backing off', async () => {
    const clock = new FakeClock();
    const attempt = failing();
    const retryAfterMs = (_error: unknown, count: number) => (count === 1 ? 0 : 5_000);
    const result = run(attempt, clock, { retryAfterMs }).catch(() => 'failed');
    await settled();
    expect(attempt).toHaveBeenCalledTimes(2);
    await clock.advance(4_999);
    expect(attempt).toHaveBeenCalledTimes(2);
    await clock.advance(1);
    expect(attempt).toHaveBeenCalledTimes(3);
    expect(await result).toBe('failed');
  });

  it('ends a wait with the reason of the signal and leaves no timer', async () => {
    const clock = new FakeClock();
    const aborter = new AbortController();
    const result = run(failing(), clock, { signal: aborter.signal });
    await settled();
    expect(clock.pendingTimers).toBe(1);
    const reason = new Error('over');
    aborter.abort(reason);
    await expect(result).rejects.toBe(reason);
    expect(clock.pendingTimers).toBe(0);
  });

  it('spends at most a tenth of the attempts and what it began with, over many calls', async () => {
    const budget = new RetryBudget({ ratio: 0.1, initial: 5 });
    const attempt = failing();
    for (let call = 0; call < 100; call++) {
      await run(attempt, new FakeClock(), { budget, retryAfterMs: () => 0 }).catch(() => {});
    }
    expect(attempt.mock.calls.length).toBeLessThanOrEqual(100 + 10 + 5);
    expect(attempt.mock.calls.length).toBeGreaterThanOrEqual(100 + 10);
  });

  it('saves up no more than the cap', () => {
    const budget = new RetryBudget({ ratio: 1, initial: 0, most: 3 });
    for (let call = 0; call < 50; call++) budget.earn();
    expect([1, 2, 3, 4].map(() => budget.spend())).toEqual([true, true, true, false]);
  });
});

import { describe, expect, it } from 'vitest';
import { shared } from '../../src/server/shared.js';
import { FakeClock, settled } from '../support/fake-clock.js';

/** Makers that finish when told. */
function makers() {
  const waiting: { resolve(value: string): void; reject(error: Error): void }[] = [];
  const make = () => new Promise<string>((resolve, reject) => waiting.push({ resolve, reject }));
  return { waiting, make };
}

describe('shared', () => {
  it('makes one result for all who ask while it is being made', async () => {
    const { waiting, make } = makers();
    const get = shared(new FakeClock(), 0, make);
    const asked = [get(), get(), get()];
    expect(waiting).toHaveLength(1);
    waiting[0]?.resolve('once');
    expect(await Promise.all(asked)).toEqual(['once', 'once', 'once']);
  });

  it('keeps a result for its time, counted from when it was made', async () => {
    const clock = new FakeClock();
    const { waiting, make } = makers();
    const get = shared(clock, 1_000, make);
    const first = get();
    await clock.advance(5_000);
    waiting[0]?.resolve('first');
    await first;
    await clock.advance(999);
    expect(await get()).toBe('first');
    await clock.advance(1);
    const second = get();
    waiting[1]?.resolve('second');
    expect(await second).toBe('second');
  });

  it('tells a failure to those who waited and to nobody after', async () => {
    const { waiting, make } = makers();
    const get = shared(new FakeClock(), 1_000, make);
    const asked = Promise.allSettled([get(), get()]);
    waiting[0]?.reject(new Error('no'));
    expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await settled();
    const again = get();
    waiting[1]?.resolve('yes');
    expect(await again).toBe('yes');
  });
});

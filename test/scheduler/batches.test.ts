import { describe, expect, it } from 'vitest';
import { inOrder, onceSettled } from '../../src/scheduler/batches.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { SLOT, turns } from '../support/slots.js';

const SYMBOLS = ['A', 'B', 'C', 'D', 'E'];
const NEVER = new AbortController().signal;

describe('batches', () => {
  it('are cut in the order given, each symbol in one of them', async () => {
    const batches: (readonly string[])[] = [];
    for await (const batch of inOrder(2)(SYMBOLS, SLOT, NEVER)) batches.push(batch);
    expect(batches).toEqual([['A', 'B'], ['C', 'D'], ['E']]);
  });

  it('are none of no symbols', async () => {
    for await (const batch of inOrder(2)([], SLOT, NEVER)) expect.fail(`a batch of ${batch.length}`);
  });

  it.each([
    ['before the slot has settled wait for that', -500, 3_000],
    ['after it do not wait', 2_500, 0],
  ])('%s', async (_, sinceMs, waitMs) => {
    const clock = new FakeClock(SLOT + sinceMs);
    const batches = onceSettled(inOrder(5), 2_500, clock)(SYMBOLS, SLOT, NEVER)[Symbol.asyncIterator]();
    let first: unknown = null;
    const next = batches.next().then(({ value }) => {
      first = value;
      return value;
    });
    await settled();
    if (waitMs > 0) {
      await clock.advance(waitMs - 1);
      expect(first).toBeNull();
      await clock.advance(1);
    }
    expect(await next).toEqual(SYMBOLS);
    expect(clock.pendingTimers).toBe(0);
  });

  it('come at once when the signal fires while they wait', async () => {
    const clock = new FakeClock(SLOT);
    const stop = new AbortController();
    const batches = onceSettled(inOrder(5), 2_500, clock)(SYMBOLS, SLOT, stop.signal)[Symbol.asyncIterator]();
    const next = batches.next();
    await turns();
    stop.abort(new Error('stopped'));
    expect((await next).value).toEqual(SYMBOLS);
    expect(clock.pendingTimers).toBe(0);
  });
});

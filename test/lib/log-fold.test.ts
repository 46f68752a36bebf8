import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fold, type FoldOptions } from '../../src/lib/log-fold.js';
import { FakeClock } from '../support/fake-clock.js';

const MINUTE = 60_000;

function rig(more: Partial<FoldOptions> = {}) {
  const clock = new FakeClock();
  const fold = new Fold({ clock, ...more });
  /** `key` for what was let through, `key*n` for a count. */
  const written: string[] = [];
  const occur = (key: string) => {
    if (fold.pass(key, () => (repeated) => written.push(`${key}*${repeated}`))) written.push(key);
  };
  return { clock, fold, written, occur };
}

describe('Fold', () => {
  it('lets the first through and writes the others once at the end of each window', async () => {
    const { clock, fold, written, occur } = rig();
    for (let second = 0; second < 150; second++) {
      occur('a');
      await clock.advance(1_000);
    }
    expect(written).toEqual(['a', 'a*59', 'a*60']);
    fold.close();
    expect(written).toEqual(['a', 'a*59', 'a*60', 'a*30']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('forgets a key after a window without it, so that the next is a first one again', async () => {
    const { clock, fold, written, occur } = rig();
    occur('a');
    occur('a');
    await clock.advance(MINUTE);
    expect(written).toEqual(['a', 'a*1']);
    await clock.advance(MINUTE);
    expect(clock.pendingTimers).toBe(0);
    occur('a');
    expect(written).toEqual(['a', 'a*1', 'a']);
    fold.close();
  });

  it('counts each key for itself, with one timer for all', async () => {
    const { clock, fold, written, occur } = rig();
    occur('a');
    occur('a');
    await clock.advance(MINUTE / 2);
    occur('b');
    occur('b');
    occur('b');
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(MINUTE / 2);
    expect(written).toEqual(['a', 'b', 'a*1']);
    await clock.advance(MINUTE / 2);
    expect(written).toEqual(['a', 'b', 'a*1', 'b*2']);
    fold.close();
  });

  it('writes and forgets the oldest key when there are too many', () => {
    const { fold, written, occur } = rig({ maxKeys: 2 });
    for (const key of ['a', 'a', 'b', 'b', 'b', 'c', 'a']) occur(key);
    expect(written).toEqual(['a', 'b', 'a*1', 'c', 'b*2', 'a']);
    fold.close();
  });

  it('prepares what it will write once a window, at the first that it holds back', async () => {
    const { clock, fold } = rig();
    let prepared = 0;
    const occur = () => fold.pass('a', () => ((prepared += 1), () => {}));
    for (let count = 0; count < 10; count++) occur();
    expect(prepared).toBe(1);
    await clock.advance(MINUTE);
    for (let count = 0; count < 10; count++) occur();
    expect(prepared).toBe(2);
    fold.close();
  });

  it('lets everything through after its close', () => {
    const { fold, written, occur } = rig();
    occur('a');
    fold.close();
    occur('a');
    occur('a');
    expect(written).toEqual(['a', 'a', 'a']);
  });

  it('refuses windows and numbers of keys that are none', () => {
    expect(() => rig({ windowMs: 0 })).toThrow(/windowMs: found 0/);
    expect(() => rig({ maxKeys: 0 })).toThrow(/maxKeys: found 0/);
  });

  it('loses and repeats no occurrence, whatever happens when', async () => {
    const step = fc.oneof(
      fc.constantFrom('a', 'b', 'c', 'd').map((key) => ({ key })),
      fc.integer({ min: 1, max: 90_000 }).map((waitMs) => ({ waitMs })),
      fc.constant({ flush: true }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { clock, fold, written, occur } = rig({ maxKeys: 3 });
        const happened = new Map<string, number>();
        for (const next of steps) {
          if ('key' in next) {
            happened.set(next.key, (happened.get(next.key) ?? 0) + 1);
            occur(next.key);
          } else if ('waitMs' in next) await clock.advance(next.waitMs);
          else fold.flush();
        }
        fold.close();
        const told = new Map<string, number>();
        for (const line of written) {
          const [key = '', count = '1'] = line.split('*');
          told.set(key, (told.get(key) ?? 0) + Number(count));
        }
        expect(told).toEqual(happened);
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import { Turnstile } from '../../src/lib/turnstile.js';

describe('Turnstile', () => {
  it('lets so many through in a turn and the rest in the following ones, in order', async () => {
    const turns: (() => void)[] = [];
    const turnstile = new Turnstile(3, (callback) => turns.push(callback));
    const passed: number[] = [];
    for (let caller = 0; caller < 8; caller++) {
      const wait = turnstile.pass();
      if (wait === undefined) passed.push(caller);
      else void wait.then(() => passed.push(caller));
    }
    expect(passed).toEqual([0, 1, 2]);
    for (const expected of [6, 8]) {
      turns.shift()?.();
      await new Promise(setImmediate);
      expect(passed).toEqual(Array.from({ length: expected }, (_, caller) => caller));
    }
    expect(turns).toHaveLength(0);
  });

  it('lets a caller through at once in a later turn', () => {
    const turns: (() => void)[] = [];
    const turnstile = new Turnstile(1, (callback) => turns.push(callback));
    expect(turnstile.pass()).toBeUndefined();
    turns.shift()?.();
    expect(turnstile.pass()).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { CycleHistory } from '../../src/scheduler/cycle-history.js';

describe('CycleHistory', () => {
  it('lists the newest first', () => {
    const history = new CycleHistory<string>();
    expect(history.list()).toEqual([]);
    for (const item of ['a', 'b', 'c']) history.push(item);
    expect(history.list()).toEqual(['c', 'b', 'a']);
    expect(history.list(2)).toEqual(['c', 'b']);
    expect(history.list(0)).toEqual([]);
    expect(history.list(99)).toEqual(['c', 'b', 'a']);
  });

  it('keeps the newest 500 and drops the oldest', () => {
    const history = new CycleHistory<number>();
    for (let item = 0; item < 1_203; item++) history.push(item);
    expect(history.size).toBe(500);
    expect(history.list(2)).toEqual([1_202, 1_201]);
    expect(history.list().at(-1)).toBe(703);
  });

  it('hands out a list that later cycles do not change', () => {
    const history = new CycleHistory<number>(2);
    history.push(1);
    const before = history.list();
    history.push(2);
    expect(before).toEqual([1]);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a capacity of %d', (capacity) => {
    expect(() => new CycleHistory(capacity)).toThrow(`not ${capacity}`);
  });

  it.each([-1, Number.NaN])('refuses a limit of %d', (limit) => {
    expect(() => new CycleHistory().list(limit)).toThrow(`not ${limit}`);
  });
});

import { describe, expect, it } from 'vitest';
import { createScratch } from '../../../src/analyzers/indicators/scratch.js';

describe('the scratch arena', () => {
  it('hands out columns that do not overlap', () => {
    const scratch = createScratch();
    const first = scratch.take(3).fill(1);
    const second = scratch.take(3).fill(2);
    expect([...first, ...second]).toEqual([1, 1, 1, 2, 2, 2]);
  });

  it('hands out the very same columns again after a reset', () => {
    const scratch = createScratch();
    const before = [scratch.take(300), scratch.take(300)];
    scratch.reset();
    expect(scratch.take(300)).toBe(before[0]);
    expect(scratch.take(300)).toBe(before[1]);
  });

  it('keeps the memory of the longest series for shorter ones and grows for longer ones', () => {
    const scratch = createScratch();
    const long = scratch.take(300);
    scratch.reset();
    const short = scratch.take(99);
    expect(short.length).toBe(99);
    expect(short.buffer).toBe(long.buffer);
    scratch.reset();
    expect(scratch.take(500).length).toBe(500);
  });

  it('takes back what was handed out since a mark, and nothing before it', () => {
    const scratch = createScratch();
    const kept = scratch.take(10);
    const mark = scratch.mark();
    const lent = scratch.take(10);
    scratch.release(mark);
    expect(scratch.take(10)).toBe(lent);
    scratch.release(mark);
    expect(lent).not.toBe(kept);
  });
});

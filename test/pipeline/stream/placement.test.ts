import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Placement } from '../../../src/pipeline/stream/placement.js';

const names = (count: number) => Array.from({ length: count }, (_, i) => `S${i}USDT`);
const load = (placement: Placement) => {
  const sizes = new Map<number, number>();
  for (const key of placement.keys) {
    const shard = placement.shardOf(key) as number;
    sizes.set(shard, (sizes.get(shard) ?? 0) + 1);
  }
  return [...sizes.values()];
};

describe('Placement', () => {
  it('spreads 530 symbols evenly over the three shards that they need', () => {
    const placement = new Placement(200);
    placement.add(names(530));
    expect(load(placement).toSorted((a, b) => a - b)).toEqual([176, 177, 177]);
  });

  it('moves a key to the emptiest other shard with room, and to none when all are full', () => {
    const placement = new Placement(2);
    placement.add(['a', 'b', 'c', 'd']);
    expect(placement.move('a')).toBeNull();
    placement.remove('b');
    expect(placement.shardOf('a')).toBe(0);
    expect(placement.move('a')).toBe(1);
    expect(placement.shardOf('a')).toBe(1);
  });

  it('forgets a shard that lost its last key', () => {
    const placement = new Placement(1);
    placement.add(['a', 'b']);
    placement.remove('a');
    expect(placement.shards).toEqual([1]);
    expect(placement.remove('a')).toBeUndefined();
  });

  it('refuses a capacity that holds nothing', () => {
    expect(() => new Placement(0)).toThrow('capacity must be at least 1, not 0');
  });

  it('never overfills a shard, and adding or removing keys moves no other key', () => {
    const step = fc.record({
      add: fc.array(fc.nat(60), { maxLength: 20 }),
      remove: fc.array(fc.nat(60), { maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 12 }), (capacity, steps) => {
        const placement = new Placement(capacity);
        for (const { add, remove } of steps) {
          const before = new Map([...placement.keys].map((key) => [key, placement.shardOf(key)]));
          for (const key of remove) placement.remove(`${key}`);
          placement.add(add.map(String));
          for (const key of placement.keys) {
            if (before.has(key) && !remove.includes(Number(key))) expect(placement.shardOf(key)).toBe(before.get(key));
          }
          expect(Math.max(0, ...load(placement))).toBeLessThanOrEqual(capacity);
          expect(placement.shards).toHaveLength(load(placement).length);
        }
      }),
    );
  });
});

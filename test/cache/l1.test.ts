import { describe, expect, it } from 'vitest';
import { L1 } from '../../src/cache/l1.js';

interface Block {
  readonly bytes: number;
}

const block = (bytes: number): Block => ({ bytes });
const l1 = (maxBytes = 100) => new L1<Block>({ maxBytes, sizeOf: ({ bytes }) => bytes });

describe('L1', () => {
  it('stays within its bytes and lets go of the least recently used first', () => {
    const cache = l1(100);
    const [a, b, c] = [block(40), block(40), block(40)];
    cache.set('a', a);
    cache.set('b', b);
    expect(cache.get('a')).toBe(a);
    cache.set('c', c);
    expect(cache.peek('b')).toBeNull();
    expect([cache.peek('a'), cache.peek('c')]).toEqual([a, c]);
    expect(cache.stats()).toEqual({ hits: 1, misses: 0, stale: 0, errors: 0, entries: 2, bytes: 80, evictions: 1 });
  });

  it('keeps the most recently used of what still fits when it shrinks, and holds more when it grows', () => {
    const cache = l1(100);
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) cache.set(name, block(20));
    cache.get('a');
    cache.resize(60);
    expect(Array.from(cache.entries(), ([name]) => name)).toEqual(['a', 'e', 'd']);
    expect(cache.stats()).toMatchObject({ entries: 3, bytes: 60, evictions: 2, hits: 1 });
    cache.set('f', block(20));
    expect(cache.peek('d')).toBeNull();
    cache.resize(80);
    cache.set('g', block(20));
    expect(Array.from(cache.entries(), ([name]) => name)).toEqual(['g', 'f', 'a', 'e']);
    expect(() => cache.resize(0)).toThrow(RangeError);
  });

  it('counts a value with its size of now once it is told that it changed, and makes room for it', () => {
    const cache = l1(100);
    const [a, b] = [{ bytes: 40 }, { bytes: 40 }];
    cache.set('a', a);
    cache.set('b', b);
    a.bytes = 10;
    cache.remeasure('a');
    expect(cache.stats()).toMatchObject({ entries: 2, bytes: 50, evictions: 0 });
    a.bytes = 90;
    cache.remeasure('a');
    expect([cache.peek('a'), cache.peek('b')]).toEqual([a, null]);
    expect(cache.stats()).toMatchObject({ entries: 1, bytes: 90, evictions: 1 });
  });

  it('leaves the order of use alone when a size did not change, and what it does not hold', () => {
    const cache = l1(100);
    for (const key of ['a', 'b']) cache.set(key, block(40));
    cache.remeasure('a');
    cache.remeasure('c');
    expect(Array.from(cache.entries(), ([key]) => key)).toEqual(['b', 'a']);
  });

  it('does not take in what is larger than the whole cache', () => {
    const cache = l1(100);
    cache.set('a', block(101));
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it('counts hits, misses and what its caller could not use', () => {
    const cache = l1();
    cache.set('a', block(1));
    cache.get('a');
    cache.get('b');
    expect(cache.get('a', () => false)).toBeNull();
    expect(cache.peek('a')).toBeNull();
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, stale: 1 });
  });

  it('runs one load for concurrent calls of a key and one more after it ended', async () => {
    const cache = l1();
    const gate = deferred<Block | null>();
    let loads = 0;
    const loader = () => {
      loads += 1;
      return gate.promise;
    };
    const both = [cache.load('a', loader), cache.load('a', loader)];
    gate.resolve(null);
    expect(await Promise.all(both)).toEqual([null, null]);
    expect(loads).toBe(1);
    await cache.load('a', loader);
    expect(loads).toBe(2);
  });

  it('keeps a value that was set while a load ran, and gives it to those who wait', async () => {
    const cache = l1();
    const gate = deferred<Block | null>();
    const load = cache.load('a', () => gate.promise);
    const newer = block(2);
    cache.set('a', newer);
    gate.resolve(block(1));
    expect(await load).toBe(newer);
    expect(cache.peek('a')).toBe(newer);
  });

  it('forgets a load that failed and counts it', async () => {
    const cache = l1();
    await expect(cache.load('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await cache.load('a', () => Promise.resolve(block(3)))).toEqual(block(3));
    expect(cache.stats()).toMatchObject({ errors: 1, entries: 1 });
  });

  it.each([0, -1, 1.5, Number.NaN])('cannot be built with %s bytes', (maxBytes) => {
    expect(() => l1(maxBytes)).toThrow(RangeError);
  });
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { loadedFirst } from '../../src/scheduler/loaded-first.js';
import { deferred, SLOT, turns } from '../support/slots.js';

const NEVER = new AbortController().signal;

function build(symbols: readonly string[], size: number, stored: readonly (readonly string[])[], signal = NEVER) {
  const reads = stored.map((group) => {
    const { promise, resolve } = deferred();
    return { group, resolve, load: promise.then(() => group) };
  });
  const incomplete = new Set<string>();
  const asked: (readonly string[])[] = [];
  const batches: (readonly string[])[] = [];
  const order = loadedFirst(size, {
    loads: reads.map(({ load }) => load),
    isComplete: (symbol) => reads.some(({ group }) => group.includes(symbol)) && !incomplete.has(symbol),
    onLoaded: async (rest) => {
      asked.push(rest);
    },
  });
  const run = async () => {
    for await (const batch of order(symbols, SLOT, signal)) batches.push(batch);
  };
  return { reads, incomplete, asked, batches, done: run() };
}

describe('loadedFirst', () => {
  it('gives what is complete as soon as it is read, and what is not after everything is', async () => {
    const { reads, incomplete, asked, batches, done } = build(['A', 'B', 'C', 'D', 'E'], 2, [
      ['D', 'B', 'A'],
      ['E', 'X'],
    ]);
    incomplete.add('B');
    await turns();
    expect(batches).toEqual([]);
    reads[0]?.resolve();
    await turns();
    expect(batches).toEqual([['D', 'A']]);
    expect(asked).toEqual([]);
    reads[1]?.resolve();
    await done;
    expect(asked).toEqual([['B', 'C']]);
    expect(batches).toEqual([['D', 'A'], ['E'], ['B', 'C']]);
  });

  it('gives every symbol of the universe once, and none that is only on disk', async () => {
    const symbols = Array.from({ length: 23 }, (_, index) => `S${index}`);
    const { reads, incomplete, batches, done } = build(symbols, 4, [
      symbols.slice(0, 9),
      ['X', ...symbols.slice(9, 12)],
    ]);
    for (const symbol of ['S1', 'S10']) incomplete.add(symbol);
    for (const { resolve } of reads) resolve();
    await done;
    expect(batches.flat().toSorted()).toEqual(symbols.toSorted());
    expect(batches.every(({ length }) => length > 0 && length <= 4)).toBe(true);
  });

  it('asks for everything in the given order when nothing is on disk', async () => {
    const { asked, batches, done } = build(['A', 'B', 'C'], 2, []);
    await done;
    expect(asked).toEqual([['A', 'B', 'C']]);
    expect(batches).toEqual([['A', 'B'], ['C']]);
  });

  it('does not wait for a disk that does not answer beyond its signal, and leaves no listener on it', async () => {
    const stop = new AbortController();
    const { reads, asked, batches, done } = build(['A', 'B', 'C'], 2, [['A'], ['B']], stop.signal);
    reads[0]?.resolve();
    await turns();
    expect(batches).toEqual([]);
    stop.abort(new Error('late'));
    await done;
    expect(batches).toEqual([['A'], ['B', 'C']]);
    expect(asked).toHaveLength(1);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });
});

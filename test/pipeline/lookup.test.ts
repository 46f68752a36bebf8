import type { LookupAddress, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { sharedLookup } from '../../src/pipeline/lookup.js';

type Answer = Parameters<Parameters<LookupFunction>[2]>;

class Resolver {
  readonly asked: { readonly name: string; readonly answer: (...answer: Answer) => void }[] = [];
  readonly told: Answer[] = [];
  readonly #lookup = sharedLookup((name, _options, answer) => this.asked.push({ name, answer }));

  ask(name: string, options: LookupOptions = { all: true }): void {
    this.#lookup(name, options, (...answer) => this.told.push(answer));
  }
}

const HERE: LookupAddress[] = [{ address: '127.0.0.1', family: 4 }];

describe('sharedLookup', () => {
  it('X9: asks once for all who wait for the same name, and tells all of them', () => {
    const resolver = new Resolver();
    for (let socket = 0; socket < 64; socket++) resolver.ask('exchange.test');
    expect(resolver.asked.map(({ name }) => name)).toEqual(['exchange.test']);
    resolver.asked[0]?.answer(null, HERE);
    expect(resolver.told).toEqual(Array.from({ length: 64 }, () => [null, HERE]));
  });

  it('X9: shares a failure too, and keeps neither: the next one asks again', () => {
    const resolver = new Resolver();
    const failure = Object.assign(new Error('getaddrinfo EAI_AGAIN exchange.test'), { code: 'EAI_AGAIN' });
    resolver.ask('exchange.test');
    resolver.ask('exchange.test');
    resolver.asked[0]?.answer(failure, []);
    resolver.ask('exchange.test');
    resolver.asked[1]?.answer(null, HERE);
    expect(resolver.told).toEqual([
      [failure, []],
      [failure, []],
      [null, HERE],
    ]);
  });

  it('keeps apart other names and other ways to ask', () => {
    const resolver = new Resolver();
    resolver.ask('exchange.test');
    resolver.ask('stream.test');
    resolver.ask('exchange.test', { all: false });
    resolver.ask('exchange.test', { all: true, family: 6 });
    expect(resolver.asked).toHaveLength(4);
    resolver.asked[2]?.answer(null, '127.0.0.1', 4);
    expect(resolver.told).toEqual([[null, '127.0.0.1', 4]]);
  });
});

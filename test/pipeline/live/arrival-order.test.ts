import { describe, expect, it } from 'vitest';
import { arrivalOrder } from '../../../src/pipeline/live/arrival-order.js';
import { FakeClock, settled } from '../../support/fake-clock.js';
import { type Deferred, deferred } from '../../support/slots.js';

/** A cycle over symbols named by letters, of which those in `awaited` come when they are told to. */
function build({ symbols = 'ABCDEF', size = 2, ...of }: { symbols?: string; awaited?: string; size?: number } = {}) {
  const { awaited = symbols } = of;
  const clock = new FakeClock();
  const batches: string[] = [];
  const arrivals = new Map<string, Deferred>(Array.from(awaited, (symbol) => [symbol, deferred()]));
  let isDone = false;
  const ended = (async () => {
    const order = arrivalOrder({
      symbols: symbols.split(''),
      size,
      awaited: new Set(awaited),
      arrival: (symbol) => arrivals.get(symbol)?.promise ?? Promise.reject(new Error(`${symbol} is not awaited`)),
      clock,
    });
    for await (const batch of order) batches.push(batch.join(''));
    isDone = true;
  })();
  const arrive = (which: string) => which.split('').forEach((symbol) => arrivals.get(symbol)?.resolve());
  return { clock, batches, arrive, ended, isDone: () => isDone };
}

describe('arrivalOrder', () => {
  it('hands out those that need more than the stream at once, in the given order', async () => {
    const { batches, arrive, ended } = build({ awaited: 'BE' });
    await settled();
    expect(batches).toEqual(['AC', 'DF']);
    arrive('BE');
    await ended;
    expect(batches).toEqual(['AC', 'DF', 'BE']);
  });

  it('does not let a batch wait for a slow symbol: the others go before it, as they come', async () => {
    const { clock, batches, arrive, ended, isDone } = build();
    arrive('FB');
    await settled();
    expect(batches).toEqual(['FB']);
    arrive('CED');
    await settled();
    expect(batches).toEqual(['FB', 'CE']);
    arrive('A');
    await clock.advance(20);
    await ended;
    expect(batches).toEqual(['FB', 'CE', 'DA']);
    expect(isDone()).toBe(true);
  });

  it('lets one that came alone wait for company, and not for long', async () => {
    const { clock, batches, arrive } = build();
    arrive('C');
    await clock.advance(19);
    expect(batches).toEqual([]);
    await clock.advance(1);
    expect(batches).toEqual(['C']);
    arrive('D');
    await clock.advance(10);
    arrive('A');
    await clock.advance(10);
    expect(batches).toEqual(['C', 'DA']);
  });

  it('does not let the last ones wait for company that cannot come', async () => {
    const { clock, batches, arrive, ended } = build({ symbols: 'ABC' });
    arrive('AB');
    await settled();
    arrive('C');
    await ended;
    expect(batches).toEqual(['AB', 'C']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('hands out what never came, once it is no longer waited for, in the given order', async () => {
    const { batches, arrive, ended } = build();
    arrive('D');
    arrive('ABCEF');
    await ended;
    expect(batches).toEqual(['DA', 'BC', 'EF']);
  });

  it('gives every symbol once, whatever comes when', async () => {
    const { clock, batches, arrive, ended } = build({ symbols: 'ABCDEFGHIJK', awaited: 'BDEFHIK', size: 3 });
    for (const burst of ['K', 'B', '', 'DE', 'F', 'H', 'I']) {
      arrive(burst);
      await clock.advance(15);
    }
    await clock.advance(100);
    await ended;
    expect(batches.join('').split('').sort().join('')).toBe('ABCDEFGHIJK');
    expect(batches.every((batch) => batch.length <= 3)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is over at once without symbols', async () => {
    const { batches, ended } = build({ symbols: '' });
    await ended;
    expect(batches).toEqual([]);
  });
});

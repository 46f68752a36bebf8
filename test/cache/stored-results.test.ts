import { describe, expect, it } from 'vitest';
import { resultsKey } from '../../src/cache/keys.js';
import { StoredResults } from '../../src/cache/stored-results.js';
import { NOW, openStore, temporaryDir } from '../support/cache.js';
import { FakeClock } from '../support/fake-clock.js';

const RESULTS = { lineage: 'abc', symbols: [{ symbol: 'AUSDT', strength: 0.1 + 0.2, text: 'Schluß ≥ 1' }] };
const DAY_MS = 86_400_000;

async function open(
  dir: string,
  { code = 'one', exchange = 'sim', now = NOW }: { code?: string | null; exchange?: string; now?: number } = {},
) {
  const store = await openStore(dir, { clock: new FakeClock(now) });
  return { store, stored: new StoredResults<typeof RESULTS>({ store, exchange, code }) };
}

describe('StoredResults', () => {
  it('gives another process back what was written last', async () => {
    const dir = temporaryDir();
    const first = await open(dir);
    expect(await first.stored.read()).toBeNull();
    await first.stored.write({ lineage: 'old', symbols: [] });
    await first.stored.write(RESULTS);
    await first.store.close();
    const second = await open(dir);
    expect(await second.stored.read()).toEqual(RESULTS);
    expect(second.store.stats().entries).toBe(1);
  });

  it.each([
    ['of other code', { code: 'two' }],
    ['of code that is not known', { code: null }],
    ['of another exchange', { exchange: 'other' }],
    ['of a time too long ago', { now: NOW + 8 * DAY_MS }],
  ])('serves nothing %s', async (_, other) => {
    const dir = temporaryDir();
    const first = await open(dir);
    await first.stored.write(RESULTS);
    await first.store.close();
    expect(await (await open(dir, other)).stored.read()).toBeNull();
  });

  it('keeps nothing of code that is not known', async () => {
    const { store, stored } = await open(temporaryDir(), { code: null });
    await stored.write(RESULTS);
    expect(store.stats().entries).toBe(0);
  });

  it('D5: serves nothing that is no record of results, and is healed by the next write', async () => {
    const { store, stored } = await open(temporaryDir());
    const bad = ['', '\0', '\x07\0results', '\x07\0results\x03\0one{', '\x07\0results\x03\0one'];
    for (const bytes of bad) {
      await store.write(resultsKey('sim'), new Map([['results', Buffer.from(bytes, 'latin1')]]));
      expect(await stored.read()).toBeNull();
    }
    await stored.write(RESULTS);
    expect(await stored.read()).toEqual(RESULTS);
  });

  it('costs nothing but the next start some time when it is too large to be read back', async () => {
    const { store, stored } = await open(temporaryDir());
    await stored.write({ lineage: 'x'.repeat(9 * 2 ** 20), symbols: [] });
    expect(store.stats().entries).toBe(0);
    expect(await stored.read()).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.js';
import type { SignalQuery, SignalRecord } from '../../src/signals/contract.js';
import { found } from '../../src/signals/lifecycle.js';
import { SignalMemory } from '../../src/signals/memory.js';
import { pageOf, QueryError } from '../../src/signals/query.js';
import { finding, SLOT, SLOT_MS, type TestFinding } from '../support/signals.js';

function published(said: TestFinding, at = said.candleCloseTime + 1_000): SignalRecord {
  const by = { slot: said.candleCloseTime, status: 'confirmed' as const, at, lateAfterMs: 30_000 };
  return (found(null, said, by) as { record: SignalRecord }).record;
}

function memoryOf(records: readonly SignalRecord[], capacity = 1_000): SignalMemory {
  return new SignalMemory(capacity, records);
}

/** Candles of five slots, three symbols each. */
const RECORDS = [0, 1, 2, 3, 4].flatMap((slot) =>
  ['A', 'B', 'C'].map((name, row) =>
    published(
      finding({
        symbol: `${name}USDT`,
        timeframe: row === 2 ? '15m' : '5m',
        analyzer: row === 0 ? 'macd' : 'trend',
        direction: slot % 2 === 0 ? 'long' : 'short',
        candleCloseTime: SLOT + slot * SLOT_MS,
      }),
      SLOT + slot * SLOT_MS + 1_000 + row,
    ),
  ),
);

function pagesOf(memory: SignalMemory, query: SignalQuery): string[][] {
  const pages: string[][] = [];
  for (let cursor: string | null = null; ; ) {
    const page = pageOf(memory, cursor === null ? query : { ...query, cursor });
    pages.push(page.items.map(({ id }) => id));
    cursor = page.nextCursor;
    if (cursor === null) return pages;
  }
}

describe('a query', () => {
  const memory = memoryOf(RECORDS);

  it('gives the newest candle first, and of one candle what was published last', () => {
    const items = pageOf(memory, { limit: 100 }).items;
    expect(items).toEqual(RECORDS.toReversed());
  });

  it.each<[Partial<SignalQuery>, (record: SignalRecord) => boolean]>([
    [{ symbol: 'BUSDT' }, ({ symbol }) => symbol === 'BUSDT'],
    [{ timeframe: '15m' }, ({ timeframe }) => timeframe === '15m'],
    [{ analyzer: 'macd' }, ({ analyzer }) => analyzer === 'macd'],
    [{ direction: 'short' }, ({ direction }) => direction === 'short'],
    [{ status: 'confirmed' }, () => true],
    [{ status: 'revoked' }, () => false],
    [{ since: SLOT + 3 * SLOT_MS }, ({ candleCloseTime }) => candleCloseTime >= SLOT + 3 * SLOT_MS],
    [{ until: SLOT + SLOT_MS }, ({ candleCloseTime }) => candleCloseTime <= SLOT + SLOT_MS],
    [{ direction: 'long', analyzer: 'trend', timeframe: '5m' }, (r) => r.direction === 'long' && r.symbol === 'BUSDT'],
  ])('filters by %j, on every page', (filter, keep) => {
    const expected = RECORDS.filter(keep).map(({ id }) => id);
    expect(pageOf(memory, { ...filter, limit: 100 }).items.map(({ id }) => id)).toEqual(expected.toReversed());
    expect(pagesOf(memory, { ...filter, limit: 2 }).flat()).toEqual(expected.toReversed());
  });

  it('has no next page when the last one is exactly full', () => {
    expect(pageOf(memory, { limit: RECORDS.length }).nextCursor).toBeNull();
    expect(pagesOf(memory, { limit: 5 }).map(({ length }) => length)).toEqual([5, 5, 5]);
    expect(pageOf(memoryOf([]), { limit: 5 })).toEqual({ items: [], nextCursor: null });
  });

  it('goes on where the page before ended, whatever is published and amended meanwhile', () => {
    const changing = memoryOf(RECORDS);
    const first = pageOf(changing, { limit: 4 });
    changing.put(published(finding({ candleCloseTime: SLOT + 9 * SLOT_MS })));
    const middle = RECORDS[6] as SignalRecord;
    changing.put({ ...middle, status: 'revoked', updatedAt: SLOT + 99 * SLOT_MS });
    const late = published(finding({ symbol: 'LATEUSDT', candleCloseTime: SLOT }), SLOT + 99 * SLOT_MS);
    changing.put(late);
    const rest = pageOf(changing, { limit: 100, cursor: first.nextCursor ?? '' }).items.map(({ id }) => id);
    const expected = RECORDS.slice(0, -4).map(({ id }) => id);
    expect(rest).toEqual([...expected.slice(0, 3), late.id, ...expected.slice(3)].toReversed());
  });

  it('goes on also when the signal that its cursor names has left the memory', () => {
    const small = memoryOf(RECORDS, 6);
    const { nextCursor } = pageOf(small, { limit: 5 });
    for (let slot = 10; slot < 16; slot++) small.put(published(finding({ candleCloseTime: SLOT + slot * SLOT_MS })));
    small.trim();
    expect(pageOf(small, { limit: 5, cursor: nextCursor ?? '' })).toEqual({ items: [], nextCursor: null });
  });

  it.each(['', 'x', '!!!', 'bnVsbA', 'W10', Buffer.from('[1,"2","3"]').toString('base64url'), 'A'.repeat(10_000)])(
    'refuses the cursor %.20j',
    (cursor) => {
      const ask = () => pageOf(memory, { limit: 1, cursor });
      expect(ask).toThrow(QueryError);
      expect(ask).toThrow(/^cursor: ".{0,100}" found, only the nextCursor of an earlier page is allowed$/);
    },
  );

  it.each([0, -1, 1.5, Number.NaN, 1_001])('refuses the limit %d', (limit) => {
    expect(() => pageOf(memory, { limit })).toThrow(`limit: ${limit} found, a whole number from 1 to 1000 allowed`);
  });
});

describe('the memory', () => {
  it('holds the newest of its capacity, in order, in whatever order they came', () => {
    const random = seededRandom(3);
    const shuffled = RECORDS.map((record) => ({ record, key: random() })).sort((a, b) => a.key - b.key);
    const memory = memoryOf([], 7);
    for (const { record } of shuffled) {
      memory.put(record);
      memory.trim();
    }
    const ids = [...memory.newestFirst()].map(({ id }) => id);
    const expected = RECORDS.toReversed().map(({ id }) => id);
    expect(ids).toEqual(expected.slice(0, 7));
    expect(memory.onCandle(`${SLOT}|5m|AUSDT`)).toEqual([]);
  });

  it('holds at most four times its capacity when all of it is about newest candles', () => {
    const memory = memoryOf([], 5);
    for (let index = 0; index < 50; index++) {
      memory.put(published(finding({ symbol: `S${index}USDT`, timeframe: '1d' }), SLOT + index));
      memory.trim();
    }
    expect([...memory.newestFirst()].map(({ symbol }) => symbol)).toEqual(
      Array.from({ length: 20 }, (_, index) => `S${49 - index}USDT`),
    );
  });
});

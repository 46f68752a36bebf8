import { describe, expect, it } from 'vitest';
import type { CandleRow } from '../../../src/domain/candle.js';
import { ExchangeError } from '../../../src/domain/errors.js';
import { columnsOf } from '../../../src/domain/series.js';
import type { KlineQuery, KlineReply, Lane } from '../../../src/pipeline/exchange/contract.js';
import { RestSource } from '../../../src/pipeline/rest/rest-source.js';
import { MemoryStore } from '../../../src/pipeline/store.js';
import { rowsUntil, seriesOf } from '../../support/candles.js';
import { settled } from '../../support/fake-clock.js';

const SLOT = Date.parse('2026-01-01T10:15:00Z');
const STEP = 300_000;
const NEVER = new AbortController().signal;
const GOLDEN = rowsUntil(SLOT, '5m', 40);
const key = (symbol: string) => ({ symbol, timeframe: '5m' as const });

function source(answer: (query: KlineQuery) => KlineReply | Promise<KlineReply>, requestsInFlight?: number) {
  const store = new MemoryStore();
  const asked: (KlineQuery & { lane: Lane })[] = [];
  const client = {
    klines: async (query: KlineQuery, { lane }: { lane: Lane }) => {
      asked.push({ ...query, lane });
      return answer(query);
    },
  };
  const options = { client, store, lookback: 300, firstLook: 99 };
  const rest = new RestSource(requestsInFlight === undefined ? options : { ...options, requestsInFlight });
  return { store, asked, rest };
}

const rowAt = (openTime: number): CandleRow => GOLDEN.find(([time]) => time === openTime) ?? [openTime, 1, 1, 1, 1, 1];
const since = ({ startTime = 0 }: KlineQuery): KlineReply => ({
  rows: GOLDEN.filter(([time]) => time >= startTime),
  refused: {},
});

describe('RestSource', () => {
  it('asks in the urgent lane for what is missing and one more, and names itself as the source', async () => {
    const { store, asked, rest } = source(since);
    store.set(seriesOf('AUSDT', '5m', GOLDEN.slice(0, -1)));
    store.set(seriesOf('BUSDT', '5m', GOLDEN.slice(0, -3)));
    const outcomes = await rest.fill([key('AUSDT'), key('BUSDT')], SLOT, NEVER);
    expect(rest.name).toBe('rest');
    expect(asked).toEqual([
      { ...key('AUSDT'), limit: 2, startTime: SLOT - 2 * STEP, endTime: SLOT - 1, lane: 'urgent' },
      { ...key('BUSDT'), limit: 4, startTime: SLOT - 4 * STEP, endTime: SLOT - 1, lane: 'urgent' },
    ]);
    expect(outcomes.map(({ added, skip }) => [added, skip])).toEqual([
      [1, null],
      [3, null],
    ]);
    const series = store.get(key('BUSDT'));
    expect(series && [...columnsOf(series.window({ count: 4 })).source]).toEqual([1, 3, 3, 3]);
  });

  it('asks nothing for a series that got its candle while it waited for its turn', async () => {
    const late = seriesOf('BUSDT', '5m', GOLDEN.slice(0, -1));
    const { store, asked, rest } = source((query) => {
      late.append(GOLDEN.at(-1) as (typeof GOLDEN)[number], 'stream', SLOT);
      return since(query);
    }, 1);
    store.set(seriesOf('AUSDT', '5m', GOLDEN.slice(0, -1)));
    store.set(late);
    const outcomes = await rest.fill([key('AUSDT'), key('BUSDT')], SLOT, NEVER);
    expect(asked.map(({ symbol }) => symbol)).toEqual(['AUSDT']);
    expect(outcomes.map(({ added, skip }) => [added, skip])).toEqual([
      [1, null],
      [0, null],
    ]);
  });

  it('adds nothing twice when the stream was faster than its reply', async () => {
    const held = seriesOf('AUSDT', '5m', GOLDEN.slice(0, -1));
    const { store, rest } = source((query) => {
      held.append(GOLDEN.at(-1) as (typeof GOLDEN)[number], 'stream', SLOT);
      return since(query);
    });
    store.set(held);
    expect(await rest.fill([key('AUSDT')], SLOT, NEVER)).toMatchObject([{ added: 0, revised: 0, skip: null }]);
    expect(held.length).toBe(40);
  });

  it('takes a series that others brought beyond the slot meanwhile for what it is: there, and not to be asked for again', async () => {
    const held = seriesOf('AUSDT', '5m', GOLDEN.slice(0, -1));
    const { store, asked, rest } = source((query) => {
      for (const openTime of [SLOT - STEP, SLOT]) held.append(rowAt(openTime), 'stream', openTime + STEP);
      return since(query);
    });
    store.set(held);
    expect(await rest.fill([key('AUSDT')], SLOT, NEVER)).toMatchObject([{ added: 0, revised: 0, skip: null }]);
    expect(asked).toHaveLength(1);
    expect(held.lastOpenTime).toBe(SLOT);
  });

  it('replaces a series that is too old to go on from, but not one that others brought further meanwhile', async () => {
    const { store, rest } = source(() => {
      store.set(seriesOf('AUSDT', '5m', rowsUntil(SLOT + STEP, '5m', 50)));
      return { rows: GOLDEN, refused: {} };
    });
    store.set(seriesOf('AUSDT', '5m', rowsUntil(SLOT - 1_000 * STEP, '5m', 40)));
    expect(await rest.fill([key('AUSDT')], SLOT, NEVER)).toMatchObject([{ skip: null }]);
    expect(store.get(key('AUSDT'))).toMatchObject({ length: 50, lastOpenTime: SLOT });
  });

  it('keeps to its own small window of requests', async () => {
    let inFlight = 0;
    let most = 0;
    const { rest } = source(async () => {
      most = Math.max(most, ++inFlight);
      await settled();
      inFlight -= 1;
      throw new ExchangeError('deadline', 'made up');
    });
    const keys = Array.from({ length: 100 }, (_, index) => key(`S${index}USDT`));
    const outcomes = await rest.fill(keys, SLOT, NEVER);
    expect(most).toBe(32);
    expect(outcomes.every(({ skip }) => skip === 'timeout')).toBe(true);
  });
});

describe('a candle held of which the exchange now says something else', () => {
  const held = () => seriesOf('AUSDT', '5m', GOLDEN.slice(0, -3));
  const otherwise = ({ rows }: KlineReply): CandleRow[] =>
    rows.map((row, index) => (index === 0 ? ([...row.slice(0, 5), 4_321] as unknown as CandleRow) : row));

  it('X13: is told of once', async () => {
    const { store, rest } = source((query) => ({ rows: otherwise(since(query)), refused: {} }));
    store.set(held());
    expect(await rest.fill([key('AUSDT')], SLOT, NEVER)).toMatchObject([{ added: 3, revised: 1, skip: null }]);
  });

  it('X13: is told of once when the reply lacked the newest candle and another one brought it', async () => {
    const { store, asked, rest } = source((query) => {
      const rows = otherwise(since(query));
      return { rows: asked.length === 1 ? rows.slice(0, -1) : rows, refused: {} };
    });
    store.set(held());
    expect(await rest.fill([key('AUSDT')], SLOT, NEVER)).toMatchObject([{ added: 3, revised: 1, skip: null }]);
    expect(asked).toHaveLength(2);
  });

  it('X13: is told of, and kept with what came, when asking again fails', async () => {
    const puts: string[] = [];
    const { store, asked, rest } = source((query) => {
      if (asked.length > 1) throw new ExchangeError('unavailable', 'made up');
      return { rows: otherwise(since(query)).slice(0, -1), refused: {} };
    });
    store.set(held());
    const put = store.set.bind(store);
    store.set = (series) => {
      puts.push(series.symbol);
      put(series);
    };
    expect(await rest.fill([key('AUSDT')], SLOT, NEVER)).toMatchObject([{ added: 2, revised: 1, skip: 'timeout' }]);
    expect(store.get(key('AUSDT'))?.lastOpenTime).toBe(SLOT - 2 * STEP);
    expect(puts).toEqual(['AUSDT']);
  });

  it('X12: keeps what it held when a reply had a hole and asking again fails', async () => {
    const { store, asked, rest } = source((query) => {
      if (asked.length > 1) throw new ExchangeError('deadline', 'made up');
      return { rows: since(query).rows.filter((_, index) => index !== 2), refused: {} };
    });
    store.set(held());
    expect(await rest.fill([key('AUSDT')], SLOT, NEVER)).toMatchObject([{ added: 0, revised: 0, skip: 'timeout' }]);
    expect(store.get(key('AUSDT'))?.firstOpenTime).toBe(GOLDEN[0]?.[0]);
  });
});

import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import type { CandleRow } from '../../../src/domain/candle.js';
import { ExchangeError, type ExchangeErrorKind } from '../../../src/domain/errors.js';
import type { KlineQuery, KlineReply, RequestOptions } from '../../../src/pipeline/exchange/contract.js';
import { HistorySource } from '../../../src/pipeline/history/history-source.js';
import { MemoryStore } from '../../../src/pipeline/store.js';
import { rowsUntil, seriesOf } from '../../support/candles.js';

const SLOT = Date.parse('2026-01-01T10:15:00Z');
const KEY = { symbol: 'BTCUSDT', timeframe: '5m' } as const;
const GOLDEN = rowsUntil(SLOT, '5m', 99);
const NEVER = new AbortController().signal;

function source(answer: (query: KlineQuery, ask: number, options: RequestOptions) => KlineReply | Promise<KlineReply>) {
  const store = new MemoryStore();
  const queries: KlineQuery[] = [];
  const client = {
    klines: async (query: KlineQuery, options: RequestOptions) => {
      queries.push(query);
      return answer(query, queries.length, options);
    },
  };
  return {
    store,
    queries,
    history: new HistorySource({ client, store, window: pLimit(4), lookback: 300, firstLook: 99 }),
  };
}

const rows = (list: readonly CandleRow[]): KlineReply => ({ rows: list, refused: {} });

describe('HistorySource', () => {
  it('fills a cold series with one request', async () => {
    const { store, queries, history } = source(() => rows(GOLDEN));
    const [outcome] = await history.fill([KEY], SLOT, NEVER);
    expect(outcome).toMatchObject({ ...KEY, added: 99, skip: null, gap: 'none' });
    expect(queries).toHaveLength(1);
    expect(store.get(KEY)?.length).toBe(99);
  });

  it('sends nothing for a series that is at the slot', async () => {
    const { store, queries, history } = source(() => rows([]));
    store.set(seriesOf('BTCUSDT', '5m', GOLDEN));
    expect(await history.fill([KEY], SLOT, NEVER)).toMatchObject([{ added: 0, skip: null }]);
    expect(queries).toHaveLength(0);
  });

  it('X12: asks once more after a hole and says that it was repaired', async () => {
    const holed = [...GOLDEN.slice(0, 50), ...GOLDEN.slice(52)];
    const { store, queries, history } = source((_, ask) => rows(ask === 1 ? holed : GOLDEN));
    expect(await history.fill([KEY], SLOT, NEVER)).toMatchObject([{ added: 99, skip: null, gap: 'repaired' }]);
    expect(queries).toHaveLength(2);
    expect(store.get(KEY)?.length).toBe(99);
  });

  it('X12: keeps the run behind a hole that the exchange repeats, after two requests', async () => {
    const holed = [...GOLDEN.slice(0, 50), ...GOLDEN.slice(52)];
    const { store, queries, history } = source(() => rows(holed));
    expect(await history.fill([KEY], SLOT, NEVER)).toMatchObject([{ added: 47, skip: null, gap: 'unrepaired' }]);
    expect(queries).toHaveLength(2);
    expect(store.get(KEY)?.length).toBe(47);
  });

  it('says stale when the newest candle is not there, rejected when its row is bad, warmup when there is none', async () => {
    const bad: CandleRow = [SLOT - 300_000, 5, 4, 6, 5, 1];
    const verdicts = [rows(GOLDEN.slice(0, 98)), rows([...GOLDEN.slice(0, 98), bad]), rows([])].map(async (reply) => {
      const [outcome] = await source(() => reply).history.fill([KEY], SLOT, NEVER);
      return outcome?.skip;
    });
    expect(await Promise.all(verdicts)).toEqual(['stale', 'rejected', 'warmup']);
  });

  it.each<[ExchangeErrorKind, string]>([
    ['badSymbol', 'delisted'],
    ['deadline', 'timeout'],
    ['unreachable', 'timeout'],
    ['unavailable', 'timeout'],
    ['circuitOpen', 'timeout'],
    ['banned', 'budget'],
    ['throttled', 'budget'],
    ['badPayload', 'rejected'],
  ])('X14: skips one series after %s as %s and fills the others', async (kind, reason) => {
    const { history } = source((query) => {
      if (query.symbol === 'BADUSDT') throw new ExchangeError(kind, 'made up');
      return rows(GOLDEN);
    });
    const outcomes = await history.fill([{ ...KEY, symbol: 'BADUSDT' }, KEY], SLOT, NEVER);
    expect(outcomes.map(({ skip }) => skip)).toEqual([reason, null]);
  });

  it('skips what has not come when the signal fires', async () => {
    const deadline = new AbortController();
    const { history } = source(
      (_, __, { signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    const outcomes = history.fill([KEY, { ...KEY, timeframe: '15m' }], SLOT, deadline.signal);
    await Promise.resolve();
    deadline.abort(new Error('deadline'));
    expect((await outcomes).map(({ skip }) => skip)).toEqual(['timeout', 'timeout']);
  });

  it('does not double its requests when every series has a hole', async () => {
    const { queries, history } = source((query) =>
      rows(rowsUntil(SLOT, query.timeframe, 99).filter((_, i) => i !== 40)),
    );
    const keys = Array.from({ length: 192 }, (_, index) => ({ symbol: `S${index}USDT`, timeframe: '5m' as const }));
    await history.fill(keys, SLOT, NEVER);
    expect(queries).toHaveLength(192 + 20);
  });
});

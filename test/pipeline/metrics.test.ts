import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { ExchangeError } from '../../src/domain/errors.js';
import type { KlineReply } from '../../src/pipeline/exchange/contract.js';
import { HistorySource } from '../../src/pipeline/history/history-source.js';
import { RestSource } from '../../src/pipeline/rest/rest-source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { rowsUntil } from '../support/candles.js';
import { fedRegistry, scraped } from '../support/metrics.js';

const SLOT = Date.parse('2026-01-01T10:15:00Z');
const NEVER = new AbortController().signal;
const GOLDEN = rowsUntil(SLOT, '5m', 99);
const reply = (rows: KlineReply['rows'], refused: KlineReply['refused'] = {}): KlineReply => ({ rows, refused });

describe('candleMetrics', () => {
  it('counts what the sources over REST brought, refused and repaired, and nothing for what failed', async () => {
    const { registry, answered } = fedRegistry();
    const store = new MemoryStore();
    const holed = [...GOLDEN.slice(0, 50), ...GOLDEN.slice(52)];
    const replies = [reply(holed, { number: 2 }), reply(GOLDEN), reply(GOLDEN)];
    const klines = async () => {
      const next = replies.shift();
      if (next === undefined) throw new ExchangeError('badSymbol', 'gone');
      return next;
    };
    const shared = { client: { klines }, store, lookback: 300, firstLook: 99, onAnswered: answered };
    const history = new HistorySource({ ...shared, window: pLimit(1) });
    await history.fill([{ symbol: 'AUSDT', timeframe: '5m' }], SLOT, NEVER);
    await new RestSource(shared).fill([{ symbol: 'BUSDT', timeframe: '5m' }], SLOT, NEVER);
    await history.fill([{ symbol: 'CUSDT', timeframe: '5m' }], SLOT, NEVER);

    const series = await scraped(registry);
    expect(series.get('candlescan_candles_total{source="history"}')).toBe(99);
    expect(series.get('candlescan_candles_total{source="rest"}')).toBe(99);
    expect(series.get('candlescan_candles_rejected_total{reason="number"}')).toBe(2);
    expect(series.has('candlescan_candles_rejected_total{reason="gap"}')).toBe(false);
    expect(series.get('candlescan_series_gaps_total{outcome="repaired"}')).toBe(1);
  });

  it('follows the cache and the stream, and adds the holes of both kinds', async () => {
    const { registry, stats, answered } = fedRegistry();
    stats.cache.candlesRead = 500;
    Object.assign(stats.live, { derived: 4, mismatches: 1, refused: 6, closed: { flag: 10, later: 2, rest: 7 } });
    stats.live.gaps = { repaired: 3, unrepaired: 1 };
    answered('rest', {
      symbol: 'AUSDT',
      timeframe: '5m',
      added: 1,
      revised: 0,
      refused: new Map([['gap', 1]]),
      skip: null,
      gap: 'unrepaired',
      cutBy: 'gap',
    });
    const series = await scraped(registry);
    expect(series.get('candlescan_candles_total{source="cache"}')).toBe(500);
    expect(series.get('candlescan_candles_total{source="stream"}')).toBe(12);
    expect(series.get('candlescan_candles_total{source="derived"}')).toBe(4);
    expect(series.get('candlescan_candles_total{source="rest"}')).toBe(1);
    expect(series.get('candlescan_candle_mismatches_total')).toBe(1);
    expect(series.get('candlescan_candles_rejected_total{reason="frame"}')).toBe(6);
    expect(series.get('candlescan_series_gaps_total{outcome="repaired"}')).toBe(3);
    expect(series.get('candlescan_series_gaps_total{outcome="unrepaired"}')).toBe(2);
  });
});

describe('universeMetrics and deepeningMetrics', () => {
  it('show how the symbols and their history follow the exchange', async () => {
    const { registry, stats } = fedRegistry();
    Object.assign(stats.universe, { refreshes: 5, doubted: 1, failures: 2, added: 10, removed: 20 });
    Object.assign(stats.deepening, { due: 100, inFlight: 4, exhausted: 3, done: 50, failed: 1 });
    const series = await scraped(registry);
    expect(series.get('candlescan_universe_refreshes_total{outcome="believed"}')).toBe(4);
    expect(series.get('candlescan_universe_refreshes_total{outcome="failed"}')).toBe(2);
    expect(series.get('candlescan_universe_changes_total{change="removed"}')).toBe(20);
    expect(series.get('candlescan_deepening_series{state="due"}')).toBe(100);
    expect(series.get('candlescan_deepening_series{state="running"}')).toBe(4);
    expect(series.get('candlescan_deepening_ended_total{outcome="done"}')).toBe(50);
  });
});

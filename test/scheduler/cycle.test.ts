import { describe, expect, it } from 'vitest';
import type { AnalysisBatch, BatchResult } from '../../src/analyzers/contract.js';
import type { Finding } from '../../src/domain/signal.js';
import { systemClock } from '../../src/lib/clock.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { CandleSource, SeriesOutcome, SkipReason } from '../../src/pipeline/source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { inOrder } from '../../src/scheduler/batches.js';
import { runCycle } from '../../src/scheduler/cycle.js';
import { rowsUntil, seriesOf } from '../support/candles.js';

const SLOT = Date.parse('2026-01-01T10:15:00Z');
const NEVER = new AbortController().signal;
const NOTHING: BatchResult = { findings: [], withheld: [], failures: [], runs: [], durationMs: 1 };

function finding(symbol: string, strength: number): Finding {
  return {
    symbol,
    timeframe: '5m',
    analyzer: 'trend',
    version: '1.0.0',
    direction: 'long',
    strength,
    price: 1,
    candleCloseTime: SLOT,
    reasons: ['made up'],
    inputDigest: 'd',
  };
}

/** A source that brings every series but those it is told to skip, when its symbol's gate opens. */
function sourceOf(
  store: MemoryStore,
  skips: Record<string, SkipReason> = {},
  gates: Record<string, Promise<void>> = {},
): CandleSource {
  return {
    name: 'history',
    fill: (wanted, slot) =>
      Promise.all(
        wanted.map(async (key): Promise<SeriesOutcome> => {
          await gates[key.symbol];
          const skip = skips[`${key.symbol}@${key.timeframe}`] ?? null;
          if (skip === null) store.set(seriesOf(key.symbol, key.timeframe, rowsUntil(slot, key.timeframe, 99)));
          return { ...key, added: 99, revised: 0, refused: new Map(), skip, gap: 'none', cutBy: null };
        }),
      ),
  };
}

function partsOf(
  source: CandleSource,
  store: MemoryStore,
  analyze: (batch: AnalysisBatch) => BatchResult,
  batchSymbols = 2,
) {
  const pipeline = new Pipeline({ store, sources: [source], timeframes: ['5m', '1h'], clock: systemClock });
  const analyzers = { analyze: async (batch: AnalysisBatch) => analyze(batch), leastWarmup: 35 };
  return { pipeline, analyzers, clock: systemClock, exchange: 'sim', batches: inOrder(batchSymbols) };
}

describe('runCycle', () => {
  it('analyzes a batch while another one is still being acquired', async () => {
    const store = new MemoryStore();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const seen: string[] = [];
    const parts = partsOf(sourceOf(store, {}, { AUSDT: gate }), store, (batch) => {
      seen.push([...new Set(batch.series.map(({ symbol }) => symbol))].join('+'));
      if (seen.length === 1) open();
      return NOTHING;
    });
    await runCycle(parts, SLOT, ['AUSDT', 'BUSDT', 'CUSDT', 'DUSDT'], NEVER);
    expect(seen).toEqual(['CUSDT+DUSDT', 'AUSDT+BUSDT']);
  });

  it('hands every series of a symbol to the analyzers in one batch', async () => {
    const store = new MemoryStore();
    const batches: string[][] = [];
    const parts = partsOf(sourceOf(store), store, (batch) => {
      batches.push(batch.series.map(({ symbol, timeframe }) => `${symbol}@${timeframe}`));
      return NOTHING;
    });
    await runCycle(parts, SLOT, ['AUSDT', 'BUSDT', 'CUSDT'], NEVER);
    expect(batches).toEqual([
      ['AUSDT@5m', 'AUSDT@1h', 'BUSDT@5m', 'BUSDT@1h'],
      ['CUSDT@5m', 'CUSDT@1h'],
    ]);
  });

  it('publishes the strongest first, confirmed, each with its own id', async () => {
    const store = new MemoryStore();
    const parts = partsOf(sourceOf(store), store, (batch) => ({
      ...NOTHING,
      findings: [...new Set(batch.series.map(({ symbol }) => symbol))].map((symbol, i) =>
        finding(symbol, 0.3 + i / 10),
      ),
    }));
    const { signals } = await runCycle(parts, SLOT, ['AUSDT', 'BUSDT', 'CUSDT'], NEVER);
    expect(signals.map(({ symbol, strength, status }) => [symbol, strength, status])).toEqual([
      ['BUSDT', 0.4, 'confirmed'],
      expect.arrayContaining([0.3]),
      expect.arrayContaining([0.3]),
    ]);
    expect(new Set(signals.map(({ id }) => id)).size).toBe(3);
  });

  it('says why each series was left out and counts a symbol as analyzed when one of its timeframes was', async () => {
    const store = new MemoryStore();
    const skips = { 'AUSDT@5m': 'timeout', 'BUSDT@5m': 'delisted', 'BUSDT@1h': 'delisted' } as const;
    const parts = partsOf(
      sourceOf(store, skips),
      store,
      () => ({
        ...NOTHING,
        withheld: [{ symbol: 'CUSDT', timeframe: '1h', reason: 'warmup', have: 12, need: 35 }],
      }),
      8,
    );
    const report = await runCycle(parts, SLOT, ['AUSDT', 'BUSDT', 'CUSDT', 'DUSDT'], NEVER);
    expect(report.symbols).toEqual({
      total: 4,
      analyzed: 3,
      skipped: [
        { symbol: 'AUSDT', timeframe: '5m', reason: 'timeout', have: 0, need: 35 },
        { symbol: 'BUSDT', timeframe: '5m', reason: 'delisted', have: 0, need: 35 },
        { symbol: 'BUSDT', timeframe: '1h', reason: 'delisted', have: 0, need: 35 },
        { symbol: 'CUSDT', timeframe: '1h', reason: 'warmup', have: 12, need: 35 },
      ],
    });
    expect(report.candles).toMatchObject({ history: 5 * 99, cache: 0, rejected: 0 });
  });

  it('names the hole, not the warm-up, when a hole made a series too short', async () => {
    const store = new MemoryStore();
    const source: CandleSource = {
      name: 'history',
      fill: async (wanted, slot) =>
        wanted.map((key): SeriesOutcome => {
          store.set(seriesOf(key.symbol, key.timeframe, rowsUntil(slot, key.timeframe, 9)));
          return {
            ...key,
            added: 9,
            revised: 0,
            refused: new Map([['gap', 1]]),
            skip: null,
            gap: 'unrepaired',
            cutBy: 'gap',
          };
        }),
    };
    const parts = partsOf(source, store, (batch) => ({
      ...NOTHING,
      withheld: batch.series.map(({ symbol, timeframe, length }) => ({
        symbol,
        timeframe,
        reason: 'warmup',
        have: length,
        need: 35,
      })),
    }));
    const report = await runCycle(parts, SLOT, ['AUSDT'], NEVER);
    expect(report.symbols.skipped.map(({ reason, have }) => [reason, have])).toEqual([
      ['gap', 9],
      ['gap', 9],
    ]);
    expect(report.gaps).toEqual({ repaired: 0, unrepaired: 2 });
    expect(report.candles.rejected).toBe(0);
  });
});

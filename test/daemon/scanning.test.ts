import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { ResultCache } from '../../src/cache/results.js';
import { loadConfig } from '../../src/config/load.js';
import { Scanning, type ScanningOptions } from '../../src/daemon/scanning.js';
import { Settings } from '../../src/daemon/settings.js';
import type { LogMethod } from '../../src/lib/log.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { CandleSource } from '../../src/pipeline/source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { inOrder } from '../../src/scheduler/batches.js';
import { FakeClock } from '../support/fake-clock.js';
import { silentLog } from '../support/silent-log.js';
import { deferred, FakePool, MUTE, SLOT, SLOT_MS, seriesAt, turns } from '../support/slots.js';

const KEY = { symbol: 'AUSDT', timeframe: '5m' } as const;

/** Scanning of one symbol whose candles are there at once, unless `fill` says otherwise. */
function build({ fill, audit = async () => {} }: { fill?: CandleSource['fill']; audit?: () => Promise<void> } = {}) {
  const clock = new FakeClock(SLOT + 1_000, turns);
  const store = new MemoryStore();
  const pool = new FakePool();
  const limit = pLimit(1);
  const did: string[] = [];
  const logged: string[] = [];
  const note: LogMethod = (...args: readonly unknown[]) => void logged.push(String(args.at(-1)));
  const bring: CandleSource['fill'] = async (wanted, slot) => {
    for (const { symbol, timeframe } of wanted) store.set(seriesAt(symbol, timeframe, 101, slot));
    return [];
  };
  const source: CandleSource = { name: 'stream', fill: fill ?? bring };
  const counts = { failed: 0, reported: 0, missed: 0 };
  const options = {
    settings: new Settings(loadConfig({ set: ['timeframes=[5m]'] })),
    market: {
      store,
      symbols: () => ['AUSDT'],
      keys: () => [KEY],
      live: { audit, arrivedAt: () => null, provisional: () => null },
      pipeline: new Pipeline({ store, timeframes: ['5m'], clock, sources: [source] }),
      batches: inOrder(64),
      deepening: {
        pause: (by: string) => did.push(`pause ${by}`),
        resume: (by: string) => did.push(`resume ${by}`),
        request: (keys: readonly unknown[]) => did.push(`deepen ${keys.length}`),
      },
      keeper: { noteBadSymbol: (symbol: string) => did.push(`bad ${symbol}`) },
    },
    analyzers: Object.assign(pool, { leastWarmup: 1 }),
    results: new ResultCache({ maxEntries: 10 }),
    signals: MUTE,
    client: { stats: () => ({ total: 0, weight: 0 }), klinesWeight: () => 1 },
    governor: { waiting: 0, budget: 1_920, plan: () => ({ waitMs: 0 }) },
    time: {
      keeper: { exchangeNow: () => clock.now() },
      watch: { pausedMs: () => 0 },
      exchangeClock: clock,
    },
    instruments: {
      cycles: {
        failed: () => void counts.failed++,
        reported: () => void counts.reported++,
        missed: (count: number) => void (counts.missed += count),
      },
    },
    analyzerMetrics: { analyzed: () => {} },
    signalMetrics: { published: () => {} },
    clock,
    log: { ...silentLog(), error: note, warn: note },
    turns: limit,
  } as unknown as ScanningOptions;
  return { scanning: new Scanning(options), clock, pool, did, logged, counts, store, limit };
}

describe('Scanning', () => {
  it('runs cycle after cycle, background work only between them', async () => {
    const { scanning, clock, did, counts } = build();
    scanning.start();
    await scanning.firstCycle;
    await clock.advance(2 * SLOT_MS);
    expect(scanning.history.list().map(({ slot }) => (slot - SLOT) / SLOT_MS)).toEqual([2, 1, 0]);
    expect(did.slice(0, 3)).toEqual(['pause cycle', 'resume cycle', 'deepen 1']);
    expect([scanning.lastSlot, scanning.lastFailed, counts.reported]).toEqual([SLOT + 2 * SLOT_MS, false, 3]);
    await scanning.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('knows that the newest cycle failed, with a report and without, and that one went well again', async () => {
    const { scanning, clock, pool, counts, logged } = build();
    pool.before = ({ slot }) => (slot === SLOT ? Promise.reject(new Error('no worker')) : Promise.resolve());
    scanning.start();
    await scanning.firstCycle;
    await turns();
    expect([scanning.lastSlot, scanning.lastFailed, counts.failed]).toEqual([null, true, 1]);
    expect(logged).toEqual(['a cycle failed']);
    await clock.advance(SLOT_MS);
    expect([scanning.lastSlot, scanning.lastFailed]).toEqual([SLOT + SLOT_MS, false]);
    await scanning.stop();

    const absent = build({ fill: async (wanted) => wanted.map((key) => ({ ...key, ...NOT_THERE })) });
    absent.scanning.start();
    await absent.scanning.firstCycle;
    expect([absent.scanning.lastSlot, absent.scanning.lastFailed]).toEqual([null, true]);
    expect(absent.did).toContain('bad AUSDT');
    await absent.scanning.stop();
  });

  it('T3: counts the slots that pass during a long cycle as missed and runs the newest, never two at once', async () => {
    const { scanning, clock, pool, counts, limit } = build();
    let most = 0;
    pool.before = async ({ slot }) => {
      most = Math.max(most, limit.activeCount);
      if (slot === SLOT) await new Promise<void>((resolve) => clock.setTimer(3.5 * SLOT_MS, resolve));
    };
    scanning.start();
    await clock.advance(4 * SLOT_MS);
    expect(scanning.history.list().map(({ slot, missed }) => [(slot - SLOT) / SLOT_MS, missed])).toEqual([
      [4, 0],
      [3, 2],
      [0, 0],
    ]);
    expect([counts.missed, most]).toEqual([2, 1]);
    await scanning.stop();
  });

  it('looks at revisions half a second after the first of a burst, together', async () => {
    const { scanning, clock, pool, store } = build();
    scanning.start();
    await scanning.firstCycle;
    await turns();
    pool.batches.length = 0;
    store.get(KEY)?.revise([SLOT - SLOT_MS, 100, 120, 80, 90, 1], 'rest', SLOT);
    for (let time = 0; time < 3; time++) {
      scanning.noteRevision(KEY);
      await clock.advance(100);
    }
    expect(pool.batches).toEqual([]);
    await clock.advance(200);
    expect(pool.asked).toEqual([['AUSDT']]);
    await scanning.stop();
  });

  it('leaves no timer of a review that was due when it was stopped', async () => {
    const { scanning, clock, pool } = build();
    scanning.start();
    await scanning.firstCycle;
    await turns();
    scanning.noteRevision(KEY);
    await scanning.stop();
    scanning.noteRevision(KEY);
    expect(clock.pendingTimers).toBe(0);
    expect(pool.batches).toHaveLength(1);
  });

  it('begins no second audit while one is under way, and waits for it at the end', async () => {
    const gate = deferred();
    let audits = 0;
    const { scanning, clock } = build({ audit: () => (audits++, gate.promise) });
    scanning.start();
    await clock.advance(2 * SLOT_MS);
    expect(audits).toBe(1);
    let isStopped = false;
    const stopped = scanning.stop().finally(() => {
      isStopped = true;
    });
    await turns();
    expect(isStopped).toBe(false);
    gate.resolve();
    await stopped;
  });

  it('does not begin a cycle whose turn comes only after it was stopped', async () => {
    const { scanning, clock, limit, did } = build();
    const reload = deferred();
    const reloaded = limit(() => reload.promise);
    scanning.start();
    await clock.advance(1_000);
    const stopped = scanning.stop();
    await clock.advance(2_000);
    reload.resolve();
    await Promise.all([reloaded, stopped]);
    expect(did).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets the cycle under way publish for a moment when it is stopped, and then with what it has', async () => {
    const stuck: CandleSource['fill'] = (wanted, _, signal) =>
      new Promise((resolve) => {
        const end = () => resolve(wanted.map((key) => ({ ...key, ...NOT_THERE, skip: 'timeout' as const })));
        signal.addEventListener('abort', end, { once: true });
      });
    const { scanning, clock } = build({ fill: stuck });
    scanning.start();
    await clock.advance(1_000);
    const stopped = scanning.stop();
    await clock.advance(1_499);
    expect(scanning.history.size).toBe(0);
    await clock.advance(1);
    await stopped;
    expect(scanning.history.list()[0]).toMatchObject({ outcome: 'failed', skippedSeries: { timeout: 1 } });
    expect(clock.pendingTimers).toBe(0);
  });
});

const NOT_THERE = { added: 0, revised: 0, refused: new Map(), skip: 'delisted', gap: 'none', cutBy: null } as const;

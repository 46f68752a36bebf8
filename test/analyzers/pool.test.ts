import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { BatchResult } from '../../src/analyzers/contract.js';
import {
  type AnalyzerPool,
  type AnalyzerPoolOptions,
  createAnalyzerPool,
  type PoolEvent,
} from '../../src/analyzers/pool.js';
import { analyzeBatch } from '../../src/analyzers/runner.js';
import { ConfigError } from '../../src/domain/errors.js';
import type { SeriesWindow } from '../../src/domain/series.js';
import { systemClock } from '../../src/lib/clock.js';
import { fixture, workerUrl } from '../support/analyzer-worker.js';
import { allBuiltIns, batchOf, randomMarket, run, windowOf } from '../support/analyzers.js';

const pools: AnalyzerPool[] = [];
const events: PoolEvent[] = [];

async function poolOf(options: Partial<AnalyzerPoolOptions> = {}): Promise<AnalyzerPool> {
  const defaults = { workers: 1, budgetMs: 60_000, clock: systemClock, workerUrl };
  const pool = await createAnalyzerPool({ ...defaults, onEvent: (event) => events.push(event), ...options });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  events.length = 0;
});

const market = randomMarket(1, 120);
const timeframes = ['5m', '15m', '1h'] as const;
const symbols = (count: number): SeriesWindow[] =>
  Array.from({ length: count }, (_, index) => randomMarket(index, 300)).flatMap((shapes, index) =>
    timeframes.map((timeframe) => windowOf(shapes, `S${index}USDT`, timeframe)),
  );
const eventTypes = () => events.map(({ type }) => type);

/** What a result says, without how long it took. */
function said({ findings, withheld, failures, runs }: BatchResult) {
  return { findings, withheld, failures, runs: runs.map((run) => ({ ...run, durationMs: 0 })) };
}

describe('analyzer pool', () => {
  it('gives for a batch of 64 symbols and 3 timeframes exactly what the runner gives in this thread', async () => {
    const pool = await poolOf();
    const batch = batchOf(...symbols(64));
    const result = await pool.analyze(batch);
    expect(result.findings.length).toBeGreaterThan(10);
    expect(said(result)).toEqual(said(analyzeBatch(batch, allBuiltIns())));
  });

  it('answers many batches over two workers, each with its own result', async () => {
    const pool = await poolOf({ workers: 2 });
    const batches = Array.from({ length: 9 }, (_, index) => symbols(6).slice(index, index + 9)).map((s) =>
      batchOf(...s),
    );
    const results = await Promise.all(batches.map((batch) => pool.analyze(batch)));
    expect(results.map(said)).toEqual(batches.map((batch) => said(analyzeBatch(batch, allBuiltIns()))));
  });

  it('lists what is switched on, in the order in which it runs, with the parameters decided', async () => {
    const pool = await poolOf({ enabled: [{ name: 'volume' }, { name: 'trend', parameters: { fast: 5 } }] });
    expect(pool.analyzers.map(({ name, origin, warmup, dependsOn }) => ({ name, origin, warmup, dependsOn }))).toEqual([
      { name: 'trend', origin: 'built-in', warmup: 92, dependsOn: [] },
      { name: 'volume', origin: 'built-in', warmup: 32, dependsOn: [] },
    ]);
    expect(pool.analyzers[0]?.parameters).toEqual({ fast: 5, slow: 21, adx: 14, minAdx: 20 });
    expect(pool.refused).toEqual([]);
  });

  it('refuses a configuration that does not fit the analyzers', async () => {
    await expect(poolOf({ enabled: [{ name: 'trnd' }] })).rejects.toThrow(ConfigError);
    await expect(poolOf({ enabled: [{ name: 'trnd' }] })).rejects.toThrow(/unknown analyzer 'trnd'; known are trend,/);
    await expect(poolOf({ workers: 0 })).rejects.toThrow(/workers must be at least 1, not 0/);
  });

  it('rejects when no worker can be started', async () => {
    await expect(poolOf({ workerUrl: new URL('./missing.js', workerUrl) })).rejects.toThrow(
      /no analyzer worker could be/,
    );
  });

  it('A1 drops every wrong result and nothing else', async () => {
    const window = windowOf(market);
    const pool = await poolOf({ paths: [fixture('liars.mjs')] });
    const result = await pool.analyze(batchOf(window));
    const honest = result.findings.filter(({ analyzer }) => analyzer === 'honest');
    expect(honest.map(({ reasons }) => reasons)).toEqual([[`close ${market.at(-1)?.[3]}`]]);
    expect(result.findings.filter(({ analyzer }) => analyzer !== 'honest' && analyzer !== 'vandal')).toEqual(
      run(allBuiltIns(), window).findings,
    );
    expect(result.findings.find(({ analyzer }) => analyzer === 'vandal')).toMatchObject({
      symbol: 'BTCUSDT',
      price: market.at(-1)?.[3],
    });
    expect(result.failures.map(({ analyzer, reason }) => `${analyzer} ${reason}`)).toEqual([
      'throws threw',
      'throws-number threw',
      'throws-proxy threw',
      'overflows threw',
      'rejects invalid',
      'nan invalid',
      'too-strong invalid',
      'sideways invalid',
      'number invalid',
      'unreasoned invalid',
      'huge invalid',
      'cyclic invalid',
    ]);
  });

  it('A1 outlives what is thrown late, and keeps what analyzers print away from stdout', async () => {
    const pool = await poolOf({ paths: [fixture('liars.mjs')], enabled: [{ name: 'throws-late' }, { name: 'noisy' }] });
    while (!(eventTypes().includes('stray') && eventTypes().includes('output'))) {
      expect((await pool.analyze(batchOf(windowOf(market)))).failures).toEqual([]);
    }
    expect(events.find(({ type }) => type === 'stray')).toMatchObject({ message: 'Error: much later' });
    expect(eventTypes()).not.toContain('replaced');
  });

  it.each(['loops', 'backtracks', 'waits', 'sorts', 'spawns'])(
    'A2 ends an analyzer that %s at its budget and runs the batch again without it',
    async (name) => {
      const pool = await poolOf({
        workers: 2,
        budgetMs: 500,
        paths: [fixture('runaways.mjs')],
        enabled: [{ name }, { name: 'volume' }, { name: 'donchian' }],
      });
      const [hung, other] = await Promise.all([
        pool.analyze(batchOf(windowOf(market, 'HANG'), windowOf(market, 'BTCUSDT'))),
        pool.analyze(batchOf(windowOf(market, 'ETHUSDT'))),
      ]);
      expect(hung.failures).toEqual([
        { analyzer: name, reason: 'budget', message: 'ran longer than its budget of 500 ms', count: 2 },
      ]);
      expect(hung.runs.map(({ analyzer }) => analyzer)).toEqual(['donchian', 'volume']);
      expect(other.failures).toEqual([]);
      expect(other.runs.map(({ analyzer }) => analyzer)).toEqual(['donchian', 'volume', name]);
      expect(eventTypes()).toEqual(['replaced']);
    },
  );

  it('A4 runs a batch once more as it is when its thread ended, and then gives the whole result', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'candlescan-'));
    const mark = path.join(folder, 'ended');
    const pool = await poolOf({ paths: [fixture('exits.mjs')], enabled: [{ name: 'exits-once' }, { name: 'volume' }] });
    const result = await pool.analyze(batchOf(windowOf(market, mark)));
    expect(result.failures).toEqual([]);
    expect(result.runs.map(({ analyzer }) => analyzer)).toEqual(['volume', 'exits-once']);
    expect(eventTypes()).toEqual(['replaced']);
    await rm(folder, { recursive: true });
  });

  it('A4 leaves out an analyzer that ends the thread again, and after three batches keeps it in quarantine', async () => {
    const pool = await poolOf({ paths: [fixture('exits.mjs')], enabled: [{ name: 'exits' }, { name: 'volume' }] });
    const analyze = () => pool.analyze(batchOf(windowOf(market, 'HANG')));
    for (let batch = 1; batch <= 3; batch++) {
      expect(pool.quarantined).toEqual([]);
      expect((await analyze()).failures).toEqual([
        { analyzer: 'exits', reason: 'crashed', message: 'the thread ended with code 3', count: 1 },
      ]);
    }
    expect(pool.quarantined).toMatchObject([{ analyzer: 'exits', reason: 'the thread ended with code 3' }]);
    const result = await analyze();
    expect(result.failures).toEqual([]);
    expect(result.runs.map(({ analyzer }) => analyzer)).toEqual(['volume']);
    expect(eventTypes().filter((type) => type === 'quarantined')).toHaveLength(1);
  });

  it('A3 replaces a thread whose heap is full, and leaves out the analyzer that filled it', async () => {
    const pool = await poolOf({ paths: [fixture('runaways.mjs')], enabled: [{ name: 'hoards' }, { name: 'volume' }] });
    const result = await pool.analyze(batchOf(windowOf(market, 'HANG')));
    expect(result.failures).toMatchObject([
      { analyzer: 'hoards', reason: 'crashed', message: expect.stringContaining('heap out of memory') },
    ]);
    expect(result.runs.map(({ analyzer }) => analyzer)).toEqual(['volume']);
  });

  it.each([
    ['A2', 'loops', 'runaways.mjs', 'budget'],
    ['A4', 'exits', 'exits.mjs', 'crashed'],
  ])(
    '%s gives batches that were next in the thread of an analyzer that %s to another thread, blaming nobody',
    async (_id, name, file, reason) => {
      const pool = await poolOf({ budgetMs: 500, paths: [fixture(file)], enabled: [{ name }, { name: 'volume' }] });
      const done: number[] = [];
      const [hung, ...next] = await Promise.all(
        ['HANG', 'BTCUSDT', 'ETHUSDT', 'SOLUSDT'].map(async (symbol, index) => {
          const result = await pool.analyze(batchOf(windowOf(market, symbol)));
          done.push(index);
          return result;
        }),
      );
      expect(hung?.failures).toMatchObject([{ analyzer: name, reason }]);
      expect(next.map(({ failures }) => failures)).toEqual([[], [], []]);
      expect(next.map(({ runs }) => runs.map(({ analyzer }) => analyzer))).toEqual(Array(3).fill(['volume', name]));
      expect(done).toEqual([0, 1, 2, 3]);
      expect(pool.quarantined).toEqual([]);
    },
  );

  it('rejects with the reason of the signal, waiting or running, and goes on', async () => {
    const pool = await poolOf({
      budgetMs: 500,
      paths: [fixture('runaways.mjs')],
      enabled: [{ name: 'loops' }, { name: 'volume' }],
    });
    const late = new Error('deadline');
    const running = new AbortController();
    const waiting = new AbortController();
    const first = pool.analyze(batchOf(windowOf(market, 'HANG')), running.signal);
    const second = pool.analyze(batchOf(windowOf(market)), waiting.signal);
    const third = pool.analyze(batchOf(windowOf(market)));
    running.abort(late);
    waiting.abort(late);
    await expect(first).rejects.toBe(late);
    await expect(second).rejects.toBe(late);
    await expect(pool.analyze(batchOf(windowOf(market)), AbortSignal.abort(late))).rejects.toBe(late);
    expect((await third).runs.map(({ analyzer }) => analyzer)).toEqual(['volume', 'loops']);
  });

  it('rejects what is not done when it is closed, and everything afterwards', async () => {
    const pool = await poolOf({ workers: 2 });
    const pending = Array.from({ length: 5 }, () => pool.analyze(batchOf(windowOf(market))));
    const closing = pool.close();
    expect(pool.close()).toBe(closing);
    const outcomes = await Promise.allSettled(pending);
    await closing;
    expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    await expect(pool.analyze(batchOf(windowOf(market)))).rejects.toThrow('the analyzer pool is closed');
  });

  it('leaves nothing behind when it is closed: the process ends by itself', async () => {
    const script = `
      import { createAnalyzerPool } from '${new URL('./pool.js', workerUrl).href}';
      import { systemClock } from '${new URL('../lib/clock.js', workerUrl).href}';
      const pool = await createAnalyzerPool({ workers: 2, budgetMs: 2000, clock: systemClock });
      const { runs } = await pool.analyze({ slot: 0, series: [] });
      await pool.close();
      console.log(runs.length, process.getActiveResourcesInfo().filter((name) => /Worker|Timeout|MessagePort/.test(name)).length);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('9 0\n');
  });
});

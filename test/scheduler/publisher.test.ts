import { describe, expect, it } from 'vitest';
import type { BatchResult } from '../../src/analyzers/contract.js';
import type { SeriesWindow } from '../../src/domain/series.js';
import { Publisher } from '../../src/scheduler/publisher.js';
import type { SignalChange, SignalUpdate } from '../../src/signals/contract.js';
import { openStore, signalsDir } from '../support/signals.js';
import { analyzerInfo, deferred, opinionOf, SLOT, SLOT_MS, seriesAt } from '../support/slots.js';

const A = { symbol: 'AUSDT', timeframe: '5m' } as const;
const ANALYZERS = [
  analyzerInfo('trend'),
  analyzerInfo('macd', { version: '2.1.0' }),
  analyzerInfo('confluence', { kind: 'symbol', dependsOn: ['trend'] }),
];
const ALL = ANALYZERS.map(({ name }) => name);

type Said = Pick<BatchResult, 'findings' | 'failures' | 'runs'>;

/** What a batch of these windows gives when `ran` were run and `failed` of them failed. */
function said(windows: readonly SeriesWindow[], ran: readonly string[] = ALL, failed: readonly string[] = []): Said {
  return {
    findings: windows.flatMap((window) => opinionOf(window)),
    runs: ran.map((analyzer) => ({ analyzer, durationMs: 1, findings: 0, warmup: 0 })),
    failures: failed.map((analyzer) => ({ analyzer, reason: 'threw', message: 'no', count: 1 })),
  };
}

async function build() {
  const { store } = await openStore(signalsDir());
  const updates: SignalUpdate[] = [];
  const told: SignalChange[] = [];
  const publisher = new Publisher({
    signals: {
      publish: (update) => {
        updates.push(update);
        return store.publish(update);
      },
    },
    exchange: 'sim',
    pool: { analyzers: ANALYZERS },
    onPublished: (changes) => told.push(...changes),
  });
  const publish = (
    windows: readonly SeriesWindow[],
    {
      slot = SLOT,
      status = 'confirmed' as const,
      result = said(windows),
    }: Partial<Parameters<Publisher['publish']>[0]> = {},
  ) => publisher.publish({ slot, status, windows, result });
  return { publisher, publish, updates, told, store };
}

describe('Publisher', () => {
  it('speaks of each candle once: with the next candle of another series, only that one is news', async () => {
    const { publish, updates } = await build();
    const hour = seriesAt('AUSDT', '1h', 101).window();
    await publish([seriesAt('AUSDT', '5m', 101).window(), hour]);
    const next = SLOT + SLOT_MS;
    await publish([seriesAt('AUSDT', '5m', 99, next).window(), hour], { slot: next });
    await publish([seriesAt('AUSDT', '5m', 99, next).window(), hour], { slot: next });
    expect(updates.map(({ candles }) => candles.map(({ timeframe }) => timeframe))).toEqual([['5m', '1h'], ['5m']]);
    expect(updates[1]?.findings.map(({ timeframe, direction }) => [timeframe, direction])).toEqual([['5m', 'short']]);
  });

  it('leaves what reads several timeframes out of candles that closed before the slot, as after a start', async () => {
    const { publish, updates } = await build();
    const windows = [seriesAt('AUSDT', '5m', 101, SLOT + SLOT_MS).window(), seriesAt('AUSDT', '1h', 101).window()];
    const result = said(windows);
    const both = windows.flatMap((window) => opinionOf(window)).map((of) => ({ ...of, analyzer: 'confluence' }));
    await publish(windows, { slot: SLOT + SLOT_MS, result: { ...result, findings: [...result.findings, ...both] } });
    const heard = updates.map(({ candles, analyzers, findings }) => ({
      candles: candles.map(({ timeframe }) => timeframe),
      analyzers: analyzers.map(({ name }) => name),
      findings: findings.map(({ analyzer }) => analyzer),
    }));
    expect(heard).toEqual([
      {
        candles: ['5m'],
        analyzers: ALL,
        findings: [...result.findings.slice(0, 1).map(({ analyzer }) => analyzer), 'confluence'],
      },
      {
        candles: ['1h'],
        analyzers: ['trend', 'macd'],
        findings: result.findings.slice(1).map(({ analyzer }) => analyzer),
      },
    ]);
  });

  it('speaks of a candle again, when its series was revised, and of no other', async () => {
    const { publisher, publish, updates, told } = await build();
    const windows = [seriesAt('AUSDT', '5m', 101).window(), seriesAt('BUSDT', '5m', 101).window()];
    await publish(windows);
    publisher.revised(A);
    await publish([seriesAt('AUSDT', '5m', 98).window(), windows[1] as SeriesWindow]);
    expect(updates[1]?.candles.map(({ symbol }) => symbol)).toEqual(['AUSDT']);
    expect(told.map(({ kind }) => kind)).toEqual(['published', 'published', 'amended']);
  });

  it('says nothing provisional of a candle that was spoken of as final, and may do so before', async () => {
    const { publish, updates } = await build();
    const windows = [seriesAt('AUSDT', '5m', 101).window()];
    await publish(windows, { status: 'provisional' });
    await publish(windows);
    await publish(windows, { status: 'provisional' });
    expect(updates.map(({ status }) => status)).toEqual(['provisional', 'confirmed']);
  });

  it.each(['provisional', 'confirmed'] as const)(
    'leaves what is final standing when both are published at the same time, the %s one first',
    async (first) => {
      const { publish, store } = await build();
      const provisional = () => publish([seriesAt('AUSDT', '5m', 98).window()], { status: 'provisional' });
      const confirmed = () => publish([seriesAt('AUSDT', '5m', 103).window()]);
      const both = first === 'provisional' ? [provisional(), confirmed()] : [confirmed(), provisional()];
      await Promise.all(both);
      expect(store.query({ limit: 10 }).items.map(({ status, direction }) => [status, direction])).toEqual([
        ['confirmed', 'long'],
      ]);
    },
  );

  it('asks nobody who failed in the batch or was not run, nor those who depend on them', async () => {
    const { publisher, publish, updates } = await build();
    const windows = [seriesAt('AUSDT', '5m', 101).window()];
    for (const [ran, failed] of [
      [ALL, []],
      [ALL, ['macd']],
      [ALL, ['trend']],
      [['trend', 'confluence'], []],
      [['macd', 'confluence'], []],
      [[], []],
    ] as const) {
      publisher.revised(A);
      await publish(windows, { result: said(windows, ran, failed) });
    }
    expect(updates.map(({ analyzers }) => analyzers.map(({ name, version }) => `${name}@${version}`))).toEqual([
      ['trend@1.0.0', 'macd@2.1.0', 'confluence@1.0.0'],
      ['trend@1.0.0', 'confluence@1.0.0'],
      ['macd@2.1.0'],
      ['trend@1.0.0', 'confluence@1.0.0'],
      ['macd@2.1.0'],
      [],
    ]);
  });

  it('keeps a signal standing whose analyzer was kept away from the candle', async () => {
    const { publisher, publish, store } = await build();
    await publish([seriesAt('AUSDT', '5m', 101).window()]);
    publisher.revised(A);
    const flat = [seriesAt('AUSDT', '5m', 100).window()];
    await publish(flat, { result: said(flat, ['macd']) });
    expect(store.query({ limit: 10 }).items[0]?.status).toBe('confirmed');
    publisher.revised(A);
    await publish(flat);
    expect(store.query({ limit: 10 }).items[0]?.status).toBe('revoked');
  });

  it('does not take a candle for spoken of when publishing it failed', async () => {
    const windows = [seriesAt('AUSDT', '5m', 101).window()];
    let isIll = true;
    const heard: number[] = [];
    const publisher = new Publisher({
      signals: {
        publish: async ({ candles }) => {
          if (isIll) throw new Error('closed');
          heard.push(candles.length);
          return { changes: [], repeated: 0, stale: 0, saved: true };
        },
      },
      exchange: 'sim',
      pool: { analyzers: ANALYZERS },
    });
    const statement = { slot: SLOT, status: 'confirmed', windows, result: said(windows) } as const;
    await expect(publisher.publish(statement)).rejects.toThrow('closed');
    isIll = false;
    await publisher.publish(statement);
    expect(heard).toEqual([1]);
  });

  it('counts what was published since it was asked last', async () => {
    const { publisher, publish } = await build();
    await publish([seriesAt('AUSDT', '5m', 101).window()], { status: 'provisional' });
    await publish([seriesAt('AUSDT', '5m', 101).window(), seriesAt('BUSDT', '5m', 101).window()]);
    expect(publisher.takeCounts()).toEqual({ provisional: 1, confirmed: 2, revoked: 0, amended: 0 });
    publisher.revised(A);
    await publish([seriesAt('AUSDT', '5m', 99).window()]);
    publisher.revised(A);
    await publish([seriesAt('AUSDT', '5m', 100).window()]);
    expect(publisher.takeCounts()).toEqual({ provisional: 0, confirmed: 0, revoked: 1, amended: 1 });
    expect(publisher.takeCounts()).toEqual({ provisional: 0, confirmed: 0, revoked: 0, amended: 0 });
  });

  it('tells of changes after they are safe, and not of none', async () => {
    const saved = deferred();
    const told: number[] = [];
    const publisher = new Publisher({
      signals: {
        publish: async () => {
          await saved.promise;
          return { changes: [], repeated: 1, stale: 0, saved: true };
        },
      },
      exchange: 'sim',
      pool: { analyzers: ANALYZERS },
      onPublished: (changes) => told.push(changes.length),
    });
    const windows = [seriesAt('AUSDT', '5m', 101).window()];
    const published = publisher.publish({ slot: SLOT, status: 'confirmed', windows, result: said(windows) });
    saved.resolve();
    await published;
    expect(told).toEqual([]);
  });

  it('forgets symbols that are not scanned any more, and no others', async () => {
    const { publisher, publish, updates } = await build();
    const windows = ['AUSDT', '币安人生USDT'].map((symbol) => seriesAt(symbol, '5m', 101).window());
    await publish(windows);
    publisher.keepOnly(new Set(['币安人生USDT']));
    await publish(windows);
    expect(updates[1]?.candles.map(({ symbol }) => symbol)).toEqual(['AUSDT']);
  });

  it('has nothing to say of no windows and of empty ones', async () => {
    const { publish, updates } = await build();
    await publish([]);
    await publish([seriesAt('AUSDT', '5m', 101).window({ count: 0 })]);
    expect(updates).toEqual([]);
  });
});

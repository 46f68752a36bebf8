import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SegmentStore } from '../../src/cache/l2.js';
import { loadConfig } from '../../src/config/load.js';
import { type Market, type MarketOptions, openMarket } from '../../src/daemon/market.js';
import { Settings } from '../../src/daemon/settings.js';
import { ExchangeError } from '../../src/domain/errors.js';
import type { Series } from '../../src/domain/series.js';
import type { Logger } from '../../src/lib/log.js';
import { Releasers } from '../../src/lib/releasers.js';
import type { KlineQuery, KlineReply, RequestOptions } from '../../src/pipeline/exchange/contract.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { klinesWeight } from '../../src/pipeline/exchange/klines.js';
import type { SeriesKey } from '../../src/pipeline/source.js';
import { openCache, randomSeries, temporaryDir } from '../support/cache.js';
import { FakeClock, MINUTE } from '../support/fake-clock.js';
import { silentLog } from '../support/silent-log.js';
import { SLOT, SLOT_MS, turns } from '../support/slots.js';
import { StreamServer, until } from '../support/stream-server.js';
import { instrument, named, news } from '../support/universe.js';

const SYMBOLS = named(40);
const TIMEFRAMES = ['5m', '1h'] as const;
const HELD = 60;
const NOW = SLOT + 30_000;

type Answer = (query: KlineQuery, options: RequestOptions) => Promise<KlineReply>;

interface Opened {
  readonly market: Market;
  readonly clock: FakeClock;
  readonly asked: KlineQuery[];
  readonly revisions: SeriesKey[];
  /** Messages of the log with their fields. */
  readonly told: { readonly message: string; readonly fields: object }[];
  readonly release: () => Promise<void>;
  readonly reconfigure: (set: string) => void;
  answer: Answer;
}

/** What an earlier life left on disk: every series up to the newest candle that closed by `now`, short of its lookback. */
async function leave(dataDir: string, now: number): Promise<void> {
  const cache = await openCache(join(dataDir, 'cache'), { lookback: 300, clock: new FakeClock(now) });
  for (const timeframe of TIMEFRAMES) {
    SYMBOLS.forEach((symbol, seed) => {
      cache.put(randomSeries(symbol, timeframe, { seed, count: HELD, lookback: 300, until: now }));
    });
  }
  await cache.stop();
}

/** A market over a disk that holds everything. When the test ends it is released, and must leave no timer. */
async function open(streamUrl: string | null = null, { left = NOW, now = NOW, set = '' } = {}): Promise<Opened> {
  const clock = new FakeClock(now, turns);
  const dataDir = temporaryDir();
  await leave(dataDir, left);
  const releasers = new Releasers();
  const stream = `stream.enabled=${streamUrl !== null}`;
  const common = [`dataDir=${dataDir}`, `timeframes=[${TIMEFRAMES.join()}]`, stream, ...(set === '' ? [] : [set])];
  const settings = new Settings(loadConfig({ set: common }));
  const asked: KlineQuery[] = [];
  const revisions: SeriesKey[] = [];
  const told: Opened['told'] = [];
  const tell = (fields: object, message: string) => void told.push({ message, fields });
  const log: Logger = {
    ...silentLog(),
    info: tell as Logger['info'],
    debug: tell as Logger['debug'],
    child: () => log,
  };
  const opened = { asked, revisions, told, clock, answer: (async () => ({ rows: [], refused: {} })) as Answer };
  const governor = new WeightGovernor({ clock, random: () => 0.5, weightLimit: 2_400 });
  const options = {
    settings,
    config: settings.config,
    cacheName: 'sim',
    streamUrl,
    client: {
      klinesWeight,
      klines: async (query: KlineQuery, request: RequestOptions) => {
        asked.push(query);
        return opened.answer(query, request);
      },
    },
    governor,
    universe: { instruments: SYMBOLS.map((symbol) => instrument(symbol)), excluded: [] },
    clock,
    exchangeClock: clock,
    random: () => 0.5,
    log,
    releasers,
    signal: new AbortController().signal,
    onAnswered: () => {},
    onRevision: (key: SeriesKey) => revisions.push(key),
  } as unknown as MarketOptions;
  const market = await openMarket(options);
  const release = async () => {
    await releasers.release();
    await governor.stop();
    expect(clock.pendingTimers).toBe(0);
  };
  onTestFinished(release);
  const reconfigure = (set: string) => {
    settings.use(loadConfig({ set: [...common, set] }));
    market.reconfigure(settings.config);
  };
  return Object.assign(opened, { market, release, reconfigure });
}

describe('a market that is opened over what is on disk', () => {
  it('is warm before it is open, the shortest timeframe first, and says how far it is', async () => {
    const read = vi.spyOn(SegmentStore.prototype, 'read');
    onTestFinished(() => read.mockRestore());
    const { market, told, asked } = await open();
    const ranks = read.mock.calls.map(([key]) => TIMEFRAMES.findIndex((timeframe) => key.includes(`/${timeframe}/`)));
    expect(new Set(ranks)).toEqual(new Set([0, 1]));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    const series = SYMBOLS.length * TIMEFRAMES.length;
    const progress = told.filter(({ message }) => message === 'warming up from disk').map(({ fields }) => fields);
    expect(progress).toHaveLength(3);
    const done = progress.map((fields) => (fields as { series: number }).series);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(progress).toEqual(done.map((count) => ({ series: count, total: series })));
    expect(told.filter(({ message }) => message === 'warmed up from disk')).toMatchObject([
      { fields: { loaded: series, missing: 0 } },
    ]);
    expect(market.keys().every((key) => market.store.get(key)?.length === HELD)).toBe(true);
    const { windows } = await market.pipeline.acquire(market.symbols(), SLOT, new AbortController().signal);
    expect(windows).toHaveLength(series);
    expect(asked).toEqual([]);
    // What a cycle looks at counts, what was loaded ahead of it does not.
    expect(market.cache.stats().l1).toMatchObject({ hits: series, misses: 0 });
  });

  it('writes what changed when its time has come, and what is left when it is closed', async () => {
    const { market, clock, told, release, reconfigure } = await open();
    const flushes = () => told.filter(({ message }) => message === 'wrote candles to disk').map(({ fields }) => fields);
    const change = (symbol: string) => {
      const series = market.store.get({ symbol, timeframe: '5m' }) as Series;
      expect(series.append([SLOT, 1, 1, 1, 1, 1], 'rest', SLOT + SLOT_MS)).toBeNull();
      market.store.set(series);
    };
    change('S0USDT');
    expect(market.cache.stats().dirtySeries).toBe(1);
    await clock.advance(5 * MINUTE);
    await until(() => flushes().length === 1);
    reconfigure('cache.flushEvery=10s');
    change('S1USDT');
    await clock.advance(10_000);
    await until(() => flushes().length === 2);
    expect(flushes()).toMatchObject([{ segments: 1 }, { segments: 1 }]);
    change('S2USDT');
    await release();
    expect(market.cache.stats()).toMatchObject({ dirtySeries: 0, l2: { writes: 3 } });
  });

  it('deepens from the start, and hears from it of a symbol that the exchange does not know', async () => {
    const opened = await open();
    const { market, clock, asked } = opened;
    opened.answer = async ({ symbol }) => {
      if (symbol === 'S7USDT') throw new ExchangeError('badSymbol', 'made up');
      return { rows: [], refused: {} };
    };
    market.deepening.request([{ symbol: 'S7USDT', timeframe: '5m' }]);
    await clock.advance(0);
    expect(asked).toMatchObject([{ symbol: 'S7USDT', limit: 300, endTime: SLOT - 1 }]);
    expect(market.symbols()).not.toContain('S7USDT');
    expect(market.store.get({ symbol: 'S7USDT', timeframe: '1h' })).toBeUndefined();
    // It rests, and is to leave no timer behind.
    opened.answer = async () => {
      throw new ExchangeError('unavailable', 'made up');
    };
    market.deepening.request(market.keys());
    await clock.advance(0);
    expect(market.deepening.stats().due).toBeGreaterThan(0);
  });

  it('X14: lets go of everything of a symbol that no longer trades', async () => {
    const { market } = await open();
    market.deepening.pause();
    market.deepening.request(market.keys());
    const before = market.deepening.stats().due;
    market.keeper.noteContractInfo(news('S3USDT', 'SETTLING'));
    expect(market.symbols()).toHaveLength(SYMBOLS.length - 1);
    expect(market.deepening.stats().due).toBe(before - TIMEFRAMES.length);
    expect(TIMEFRAMES.map((timeframe) => market.store.get({ symbol: 'S3USDT', timeframe }))).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('a market that is streamed', () => {
  it('X13, X14: passes on what the stream says of contracts and of candles that were closed', async () => {
    const server = await StreamServer.start();
    onTestFinished(() => server.stop());
    const { market, clock, revisions } = await open(server.url);
    await until(() => server.peers[0]?.streams.size === SYMBOLS.length + 1);
    const [peer] = server.peers as [(typeof server.peers)[number]];
    const newest = { symbol: 'S5USDT', openTime: SLOT - SLOT_MS, eventTime: clock.now() } as const;
    peer.kline({ ...newest, closed: true, close: 1_234 });
    await until(() => revisions.length > 0);
    expect(revisions).toMatchObject([
      { symbol: 'S5USDT', timeframe: '5m' },
      { symbol: 'S5USDT', timeframe: '1h' },
    ]);
    expect(market.live?.stats().stream).toMatchObject({ revised: 1, closed: 0 });
    peer.socket.send('{"e":"contractInfo","E":1,"s":"S3USDT","ct":"PERPETUAL","cs":"SETTLING"}');
    await until(() => !market.symbols().includes('S3USDT'));
    await clock.advance(200);
    await until(() => !peer.streams.has('s3usdt@kline_5m'));
    expect(peer.streams.size).toBe(SYMBOLS.length);
  });

  it('derives no longer candle from a revised one where candles.derive is false', async () => {
    const server = await StreamServer.start();
    onTestFinished(() => server.stop());
    const { clock, revisions } = await open(server.url, { set: 'candles.derive=false' });
    await until(() => server.peers[0]?.streams.size === SYMBOLS.length + 1);
    const revised = { openTime: SLOT - SLOT_MS, eventTime: clock.now(), closed: true, close: 1_234 } as const;
    server.peers[0]?.kline({ ...revised, symbol: 'S5USDT' });
    server.peers[0]?.kline({ ...revised, symbol: 'S6USDT' });
    await until(() => revisions.some(({ symbol }) => symbol === 'S6USDT'));
    expect(revisions.map(({ timeframe }) => timeframe)).toEqual(['5m', '5m']);
  });

  it('is waited for as long as the settings of the moment say', async () => {
    const server = await StreamServer.start();
    onTestFinished(() => server.stop());
    const { market, clock, reconfigure } = await open(server.url, { left: SLOT - 1, now: SLOT + 500 });
    await until(() => server.peers[0]?.streams.size === SYMBOLS.length + 1);
    reconfigure('cycle.settle=6s');
    const awaited: string[] = [];
    const batches = (async () => {
      const { signal } = new AbortController();
      for await (const batch of market.batches(market.symbols(), SLOT, signal)) awaited.push(...batch);
    })();
    await clock.advance(5_000);
    expect(awaited).toEqual([]);
    await clock.advance(1_000);
    await batches;
    expect(awaited.toSorted()).toEqual(SYMBOLS.toSorted());
  });
});

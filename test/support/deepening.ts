import { expect, onTestFinished } from 'vitest';
import type { CandleRow, Source } from '../../src/domain/candle.js';
import { SOURCES } from '../../src/domain/candle.js';
import { columnsOf, Series } from '../../src/domain/series.js';
import { lastClosedOpenTime, type Slot } from '../../src/domain/slot.js';
import { type Timeframe, timeframeMs } from '../../src/domain/timeframe.js';
import { abortable } from '../../src/lib/abort.js';
import { groupBy } from '../../src/lib/group-by.js';
import { seededRandom } from '../../src/lib/random.js';
import { Deepening, type DeepeningOptions } from '../../src/pipeline/deepening.js';
import type { KlineQuery, KlineReply, RequestOptions } from '../../src/pipeline/exchange/contract.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { klinesWeight } from '../../src/pipeline/exchange/klines.js';
import type { SeriesKey, SeriesStore } from '../../src/pipeline/source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { FakeClock, settled } from './fake-clock.js';

export const SLOT: Slot = Date.UTC(2026, 2, 18, 12);
export const STEP = 300_000;
export const KEY = { symbol: 'AUSDT', timeframe: '5m' } as const;

/** The one candle that the exchange has of this time; `said` tells its statements apart. */
export function truth({ symbol, timeframe }: SeriesKey, openTime: number, said = 0): CandleRow {
  const price = 100 + symbol.length + 5 * Math.sin(openTime / timeframeMs(timeframe) / 7);
  return [openTime, price, price + 1, price - 1, price + 0.5, 10 + ((openTime / 300_000) % 5) + said];
}

/** Every row of a key from `first` candles before the slot up to `last` before it; 1 is the newest. */
export function truths(key: SeriesKey, first: number, last = 1, slot = SLOT): CandleRow[] {
  const step = timeframeMs(key.timeframe);
  const end = lastClosedOpenTime(slot, key.timeframe) + step;
  return Array.from({ length: first - last + 1 }, (_, index) => truth(key, end - (first - index) * step));
}

export function held(key: SeriesKey, count: number, lookback = 300, source: Source = 'stream'): Series {
  const series = new Series(key.symbol, key.timeframe, lookback);
  for (const row of truths(key, count)) series.append(row, source, SLOT);
  return series;
}

export function rowsOf(series: Series | undefined): CandleRow[] {
  if (series === undefined) return [];
  const { openTime, open, high, low, close, volume } = columnsOf(series.window());
  const columns = [openTime, open, high, low, close, volume];
  return Array.from(openTime, (_, index) => columns.map((column) => column[index]) as unknown as CandleRow);
}

/** Runs of one source: `[['history', 201], ['stream', 99]]`. */
export function sourcesOf(series: Series | undefined): [Source, number][] {
  if (series === undefined) return [];
  const runs: [Source, number][] = [];
  for (const code of columnsOf(series.window()).source) {
    const name = SOURCES[code] as Source;
    const run = runs.at(-1);
    if (run?.[0] === name) run[1] += 1;
    else runs.push([name, 1]);
  }
  return runs;
}

export interface Asked extends KlineQuery {
  readonly lane: RequestOptions['lane'];
  /** Epoch ms. */
  readonly at: number;
}

/** A request that waits for its reply: `rows`, or what the exchange has. */
export interface OpenRequest {
  readonly query: KlineQuery;
  readonly reply: (rows?: KlineReply) => Promise<void>;
}

/** A store that can lose a series, as a cache does. */
export class LosingStore extends MemoryStore implements SeriesStore {
  readonly lost = new Set<string>();

  override get(key: SeriesKey): Series | undefined {
    return this.lost.has(key.symbol) ? undefined : super.get(key);
  }
}

/** Deepening over a made-up exchange, on a fake clock. When the test ends it is stopped, and must leave no timer. */
export class DeepeningRig {
  readonly clock = new FakeClock(SLOT + 10_000);
  readonly store = new LosingStore();
  readonly asked: Asked[] = [];
  readonly deepened: string[] = [];
  readonly revisions: (SeriesKey & { readonly since: number })[] = [];
  readonly badSymbols: string[] = [];
  readonly errors: unknown[] = [];
  /** Candles that the exchange has of a symbol, when they are fewer than what is asked for. */
  readonly listedFor = new Map<string, number>();
  readonly governor: WeightGovernor;
  reserve = 0;
  /** What becomes of a request. */
  answer: (query: KlineQuery) => Promise<KlineReply> = async (query) => this.reply(query);
  readonly deepening: Deepening;

  constructor(options: Partial<DeepeningOptions> & { readonly weightLimit?: number } = {}) {
    const { weightLimit = 2_400 } = options;
    this.governor = new WeightGovernor({ clock: this.clock, random: seededRandom(4), weightLimit });
    this.deepening = new Deepening({
      client: { klinesWeight, klines: (query, request) => this.#klines(query, request) },
      store: this.store,
      governor: this.governor,
      reserveWeight: () => this.reserve,
      clock: this.clock,
      random: seededRandom(4),
      onDeepened: ({ symbol, timeframe }) => this.deepened.push(`${symbol}@${timeframe}`),
      onRevision: (key, since) => this.revisions.push({ ...key, since }),
      onBadSymbol: (symbol) => this.badSymbols.push(symbol),
      onError: (error) => this.errors.push(error),
      ...options,
    });
    onTestFinished(async () => {
      await Promise.all([this.deepening.stop(), this.governor.stop()]);
      expect(this.clock.pendingTimers).toBe(0);
    });
  }

  /** Asks at once for what it is given. */
  static started(options: ConstructorParameters<typeof DeepeningRig>[0] = {}): DeepeningRig {
    const rig = new DeepeningRig(options);
    rig.deepening.start();
    return rig;
  }

  /** The exchange's own rows, ascending, cut as it cuts them. */
  reply(query: KlineQuery): KlineReply {
    const { symbol, limit, endTime = SLOT } = query;
    const all = truths(query, this.listedFor.get(symbol) ?? 2_000).filter(([openTime]) => openTime <= endTime);
    return { rows: all.slice(-limit), refused: {} };
  }

  hold(symbols: readonly string[], count = 99, lookback = 300, timeframe: Timeframe = '5m'): SeriesKey[] {
    const keys = symbols.map((symbol) => ({ symbol, timeframe }));
    for (const key of keys) this.store.set(held(key, count, lookback));
    return keys;
  }

  get symbolsAsked(): string[] {
    return this.asked.map(({ symbol }) => symbol);
  }

  /** Requests from now on, which the test answers one by one. */
  heldBack(): OpenRequest[] {
    const open: OpenRequest[] = [];
    this.answer = (query) =>
      new Promise((resolve) =>
        open.push({
          query,
          reply: async (rows = this.reply(query)) => {
            resolve(rows);
            await settled();
          },
        }),
      );
    return open;
  }

  /** Weight asked for in each minute of the exchange's clock in which something was. */
  get weightByMinute(): number[] {
    const minutes = groupBy(this.asked, ({ at }) => Math.floor(at / 60_000));
    return Array.from(minutes.values(), (asked) => asked.reduce((sum, { limit }) => sum + klinesWeight(limit), 0));
  }

  async #klines(
    query: KlineQuery,
    { lane, signal = new AbortController().signal }: RequestOptions,
  ): Promise<KlineReply> {
    const permit = await this.governor.acquire(klinesWeight(query.limit), lane, signal);
    this.asked.push({ ...query, lane, at: this.clock.now() });
    try {
      return await abortable(this.answer(query), signal);
    } finally {
      this.governor.settle(permit, null);
    }
  }
}

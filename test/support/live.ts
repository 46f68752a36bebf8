import pLimit from 'p-limit';
import type { CandleRow } from '../../src/domain/candle.js';
import { ExchangeError } from '../../src/domain/errors.js';
import { columnsOf } from '../../src/domain/series.js';
import { floorToTimeframe, type Timeframe, timeframeMs } from '../../src/domain/timeframe.js';
import { type Random, seededRandom } from '../../src/lib/random.js';
import type { KlineQuery, KlineReply, RequestOptions } from '../../src/pipeline/exchange/contract.js';
import type { Mismatch } from '../../src/pipeline/live/derived-audit.js';
import { LiveCandles, type LiveListener } from '../../src/pipeline/live/live-candles.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { SeriesKey, SeriesStore } from '../../src/pipeline/source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { createStreamSource } from '../../src/pipeline/stream/stream-source.js';
import { drained, FakeClock } from './fake-clock.js';
import { klinePayload, MIDNIGHT, STEP_MS } from './stream-frames.js';
import { FakeExchange } from './stream-server-fake.js';

export const TIMEFRAMES = ['5m', '15m', '1h'] as const;
const TICK = 100;
const LOT = 1_000;
/** Base candles before midnight: enough for a first look of every timeframe. */
const PAST = 12 * 40;

/** A base candle in whole ticks and lots, with every state that it passes through as it trades. */
interface Bar {
  readonly openTime: number;
  readonly states: readonly { readonly prices: readonly number[]; readonly lots: number; readonly lastTrade: number }[];
  readonly firstTrade: number;
  /** The price before it, which it shows while nobody trades. */
  readonly standing: number;
}

/** A made-up market whose candles are known to the last digit; longer ones are folded here from the trades themselves. */
export class Market {
  readonly symbols: readonly string[];
  readonly #bars = new Map<string, Bar[]>();
  /** Made once, because two runs of one market and everyone who checks them ask for the same. */
  readonly #rows = new Map<string, Map<number, CandleRow>>();
  readonly #frames = new Map<Bar, Map<number, FrameText>>();

  /** `quietShare`: the share of base candles without a trade. */
  constructor(symbols: readonly string[], slots: number, quietShare = 0, seed = 1) {
    this.symbols = symbols;
    symbols.forEach((symbol, index) => {
      this.#bars.set(symbol, tape(seededRandom(seed * 1_000 + index), PAST + slots, quietShare));
    });
  }

  bar(symbol: string, openTime: number): Bar {
    const bar = this.#bars.get(symbol)?.[(openTime - MIDNIGHT) / STEP_MS + PAST];
    if (bar === undefined) throw new RangeError(`no bar of ${symbol} at ${openTime}`);
    return bar;
  }

  row(symbol: string, timeframe: Timeframe, openTime: number): CandleRow {
    const rows = memo(this.#rows, `${symbol}@${timeframe}`, () => new Map<number, CandleRow>());
    return memo(rows, openTime, () => this.#fold(symbol, timeframe, openTime));
  }

  /** Lets go of the rows and frames made so far; who asks again has them made anew. */
  forget(): void {
    this.#rows.clear();
    this.#frames.clear();
  }

  #fold(symbol: string, timeframe: Timeframe, openTime: number): CandleRow {
    const bars = Array.from({ length: timeframeMs(timeframe) / STEP_MS }, (_, index) =>
      this.bar(symbol, openTime + index * STEP_MS),
    );
    const trades = bars.flatMap(({ states }) => states.at(-1)?.prices ?? []);
    const lots = bars.reduce((sum, { states }) => sum + (states.at(-1)?.lots ?? 0), 0);
    return rowOf(openTime, trades, lots, (bars[0] as Bar).standing);
  }

  /** What a client is answered at `now`, as the exchange cuts it. */
  rows(
    { symbol, timeframe, limit, startTime, endTime = Number.MAX_SAFE_INTEGER }: KlineQuery,
    now: number,
  ): CandleRow[] {
    const step = timeframeMs(timeframe);
    const oldest = floorToTimeframe(MIDNIGHT - PAST * STEP_MS, timeframe);
    const until = Math.min(endTime, now - step);
    const rows: CandleRow[] = [];
    const from = Math.max(oldest, startTime ?? floorToTimeframe(until, timeframe) - (limit - 1) * step);
    for (let time = from; time <= until && rows.length < limit; time += step)
      rows.push(this.row(symbol, timeframe, time));
    return rows;
  }

  /** A frame of a candle after its first `states` states (all of them when it is closed); null while there is nothing to send. */
  frame(symbol: string, openTime: number, states: number, eventTime: number, closed: boolean): string | null {
    const bar = this.bar(symbol, openTime);
    const shown = Math.min(states, bar.states.length);
    if (shown === 0) return null;
    const frames = memo(this.#frames, bar, () => new Map<number, FrameText>());
    const { head, tail } = memo(frames, closed ? -shown : shown, () => frameText(symbol, bar, shown, closed));
    return `${head}${eventTime}${tail}`;
  }
}

/** A frame around the time of its event. */
interface FrameText {
  readonly head: string;
  readonly tail: string;
}

function frameText(symbol: string, bar: Bar, states: number, closed: boolean): FrameText {
  const { openTime } = bar;
  const state = bar.states[states - 1] as Bar['states'][number];
  const [, open, high, low, close, volume] = rowOf(openTime, state.prices, state.lots, bar.standing);
  const trades = [bar.firstTrade, state.lastTrade] as const;
  const payload = klinePayload({ symbol, openTime, eventTime: 0, closed, trades }) as { k: Record<string, unknown> };
  Object.assign(payload.k, { o: `${open}`, h: `${high}`, l: `${low}`, c: `${close}`, v: `${volume}` });
  const text = JSON.stringify({ stream: `${symbol.toLowerCase()}@kline_5m`, data: payload });
  const at = text.indexOf('"E":0,') + 4;
  return { head: text.slice(0, at), tail: text.slice(at + 1) };
}

function memo<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

function rowOf(openTime: number, prices: readonly number[], lots: number, standing: number): CandleRow {
  const shown = prices.length > 0 ? prices : [standing];
  const [open, high, low, close] = [shown[0] as number, Math.max(...shown), Math.min(...shown), shown.at(-1) as number];
  return [openTime, open / TICK, high / TICK, low / TICK, close / TICK, lots / LOT];
}

function tape(random: Random, count: number, quietShare: number): Bar[] {
  let standing = 10_000;
  let trade = 1;
  return Array.from({ length: count }, (_, index) => {
    const before = standing;
    const firstTrade = trade;
    const prices: number[] = [];
    const states: { prices: readonly number[]; lots: number; lastTrade: number }[] = [];
    let lots = 0;
    const trades = random() < quietShare ? 0 : 2 + Math.floor(random() * 3);
    for (let number = 0; number < trades; number++) {
      standing = Math.max(1, standing + Math.floor(random() * 101) - 50);
      lots += 1 + Math.floor(random() * 9_999);
      prices.push(standing);
      states.push({ prices: [...prices], lots, lastTrade: trade++ });
    }
    return { openTime: MIDNIGHT + (index - PAST) * STEP_MS, states, firstTrade, standing: before };
  });
}

export interface Asked extends KlineQuery {
  readonly lane: RequestOptions['lane'];
  readonly at: number;
}

export interface RigOptions {
  readonly market: Market;
  readonly startMs?: number;
  readonly streamsPerConnection?: number;
  readonly derive?: boolean;
  readonly seed?: number;
  readonly settleMs?: number;
  readonly auditSample?: number;
  /** In memory by default. */
  readonly store?: SeriesStore;
  readonly clock?: FakeClock;
  /** Lets the world go on after each timer; promise callbacks alone by default, because the network is made up. */
  readonly settle?: () => Promise<void>;
}

/** The live pipeline over a made-up market: a real stream source on fake sockets, a fake client, a fake clock. */
export class Rig {
  readonly market: Market;
  readonly clock: FakeClock;
  readonly exchange = new FakeExchange();
  readonly store: SeriesStore;
  readonly asked: Asked[] = [];
  readonly revisions: (SeriesKey & { since: number })[] = [];
  readonly mismatches: Mismatch[] = [];
  readonly errors: unknown[] = [];
  readonly client = { klines: (query: KlineQuery, options: RequestOptions) => this.#klines(query, options) };
  readonly live: LiveCandles;
  readonly pipeline: Pipeline;
  /** Told of every revision as it happens. */
  onRevision: (key: SeriesKey) => void = () => {};
  /** What becomes of a request; the market's rows by default. */
  answer: (query: KlineQuery, options: RequestOptions) => Promise<KlineReply> = async (query) => this.reply(query);

  constructor(options: RigOptions) {
    this.market = options.market;
    this.clock = options.clock ?? new FakeClock(options.startMs ?? MIDNIGHT + 60_000, options.settle ?? drained);
    this.store = options.store ?? new MemoryStore();
    const random = seededRandom(options.seed ?? 5);
    const listener: LiveListener = {
      onRevision: (key, since) => {
        this.revisions.push({ ...key, since });
        this.onRevision(key);
      },
      onMismatch: (mismatch) => this.mismatches.push(mismatch),
      onError: (error) => this.errors.push(error),
    };
    this.live = new LiveCandles({
      store: this.store,
      client: this.client,
      openStream: (symbols, timeframe, handlers) =>
        createStreamSource({
          url: 'ws://exchange:9000',
          symbols,
          timeframe,
          streamsPerConnection: options.streamsPerConnection ?? 200,
          clock: this.clock,
          random,
          handlers,
          connect: this.exchange.connect,
          nextTurn: (callback) => this.clock.setTimer(0, callback),
        }),
      symbols: options.market.symbols,
      timeframes: TIMEFRAMES,
      derive: options.derive ?? true,
      settleMs: options.settleMs ?? 2_500,
      lookback: 300,
      firstLook: 30,
      window: pLimit(16),
      clock: this.clock,
      exchangeNow: () => this.clock.now(),
      random,
      listener,
      ...(options.auditSample !== undefined && { auditSample: options.auditSample }),
    });
    this.pipeline = new Pipeline({
      store: this.store,
      sources: this.live.sources,
      timeframes: TIMEFRAMES,
      clock: this.clock,
    });
  }

  reply(query: KlineQuery): KlineReply {
    return { rows: this.market.rows(query, this.clock.now()), refused: {} };
  }

  /** Sends one frame on every connection that carries the symbol. */
  send(symbol: string, frame: string | null): void {
    if (frame === null) return;
    for (const socket of this.exchange.carrying(symbol)) socket.message(frame);
  }

  /** The closing frame of a candle, now. */
  close(symbol: string, openTime: number): void {
    this.send(symbol, this.market.frame(symbol, openTime, 99, this.clock.now(), true));
  }

  /** A cycle that gives up 30 s after it began. */
  async cycle(slot: number, symbols = this.market.symbols) {
    const deadline = new AbortController();
    const fail = () => deadline.abort(new ExchangeError('deadline', 'the deadline of the cycle has passed'));
    const cancel = this.clock.setTimer(30_000, fail);
    try {
      return await this.pipeline.acquire(symbols, slot, deadline.signal);
    } finally {
      cancel();
    }
  }

  /** The rows held, by series; sources left out. */
  held(key: SeriesKey): CandleRow[] {
    const series = this.store.get(key);
    if (series === undefined) return [];
    const { openTime, open, high, low, close, volume } = columnsOf(series.window());
    const columns = [openTime, open, high, low, close, volume];
    return Array.from(openTime, (_, row) => columns.map((column) => column[row]) as unknown as CandleRow);
  }

  async #klines(query: KlineQuery, options: RequestOptions): Promise<KlineReply> {
    this.asked.push({ ...query, lane: options.lane, at: this.clock.now() });
    return this.answer(query, options);
  }
}

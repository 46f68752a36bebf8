import pLimit from 'p-limit';
import type { AnalysisBatch } from '../../src/analyzers/contract.js';
import { type AnalyzerPool, createAnalyzerPool } from '../../src/analyzers/pool.js';
import type { CandleRow, Source } from '../../src/domain/candle.js';
import { SOURCES } from '../../src/domain/candle.js';
import { columnsOf, type SeriesWindow } from '../../src/domain/series.js';
import { type Slot, slotAt } from '../../src/domain/slot.js';
import type { Timeframe } from '../../src/domain/timeframe.js';
import { seededRandom } from '../../src/lib/random.js';
import { Releasers } from '../../src/lib/releasers.js';
import { createBinanceClient } from '../../src/pipeline/exchange/binance.js';
import type { ExchangeClient } from '../../src/pipeline/exchange/contract.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import type { Mismatch } from '../../src/pipeline/live/derived-audit.js';
import { LiveCandles } from '../../src/pipeline/live/live-candles.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { SeriesKey } from '../../src/pipeline/source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import type { ContractInfo, StreamNotice } from '../../src/pipeline/stream/contract.js';
import { openWebSocket } from '../../src/pipeline/stream/socket.js';
import { createStreamSource } from '../../src/pipeline/stream/stream-source.js';
import type { BatchOrder } from '../../src/scheduler/batches.js';
import { type CycleParts, runCycle } from '../../src/scheduler/cycle.js';
import { deadlineSignal } from '../../src/scheduler/deadline.js';
import type { CycleReport } from '../../src/scheduler/report.js';
import type { Market } from '../../src/sim/market/market.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { type Sim, type SimOptions, startSim } from '../../src/sim/server.js';
import { workerUrl } from './analyzer-worker.js';
import { Witness } from './live-witness.js';
import type { ShiftedClock } from './shifted-clock.js';
import { closedRows } from './sim.js';

export const TIMEFRAMES = ['1m', '3m', '5m'] as const satisfies readonly Timeframe[];
export const SETTLE_MS = 2_500;
const DEADLINE_MS = 30_000;

/** A candle as the analyzers were given it. */
export interface Given extends SeriesKey {
  readonly row: CandleRow;
  readonly source: Source;
}

export function candlesOf(window: SeriesWindow): Given[] {
  const { symbol, timeframe } = window;
  const { source, openTime, open, high, low, close, volume } = columnsOf(window);
  return Array.from(source, (code, index) => ({
    symbol,
    timeframe,
    row: [openTime, open, high, low, close, volume].map((column) => column[index]) as unknown as CandleRow,
    source: SOURCES[code] as Source,
  }));
}

export interface LiveSimOptions {
  readonly clock: ShiftedClock;
  readonly symbols: number;
  readonly streamsPerConnection: number;
  readonly sim?: Partial<SimOptions>;
  /** Before the message is handled. */
  readonly onMessage?: () => void;
}

export interface SlotRun {
  readonly slot: Slot;
  readonly report: CycleReport;
  /** What the analyzers were given. */
  readonly windows: readonly SeriesWindow[];
  /** By batch, when its findings were there (epoch ms). */
  readonly batches: readonly { readonly symbols: ReadonlySet<string>; readonly endedAt: number }[];
}

/** The live pipeline, from the list of markets to the findings, on the embedded exchange over real sockets. */
export class LiveSim {
  readonly market: Market;
  readonly sim: Sim;
  readonly clock: ShiftedClock;
  readonly witness: Witness;
  readonly symbols: readonly string[];
  readonly live: LiveCandles;
  readonly pipeline: Pipeline;
  readonly client: ExchangeClient;
  readonly revisions: (SeriesKey & { readonly since: number })[] = [];
  readonly mismatches: Mismatch[] = [];
  readonly contracts: ContractInfo[] = [];
  readonly notices: (StreamNotice & { readonly at: number })[] = [];
  readonly errors: unknown[] = [];
  /** When the exchange looked up the candles of a klines request, epoch ms. */
  readonly answered: readonly number[];
  /** From when until when the gate was closed, epoch ms. */
  readonly holds: { readonly from: number; readonly until: number }[];
  readonly #governor: WeightGovernor;
  readonly #pool: AnalyzerPool;
  readonly #releasers: Releasers;

  private constructor(parts: Parts, { clock, streamsPerConnection, onMessage = () => {} }: LiveSimOptions) {
    const { market, sim, client, governor, answered, holds, symbols, pool, releasers } = parts;
    this.market = market;
    this.sim = sim;
    this.client = client;
    this.answered = answered;
    this.holds = holds;
    this.symbols = symbols;
    this.clock = clock;
    this.witness = new Witness(clock);
    this.#governor = governor;
    this.#pool = pool;
    this.#releasers = releasers;
    const store = new MemoryStore();
    const random = seededRandom(3);
    this.live = new LiveCandles({
      store,
      client: this.witness.tapClient(client),
      openStream: (wanted, timeframe, handlers) =>
        createStreamSource({
          url: sim.streamUrl,
          symbols: wanted,
          timeframe,
          streamsPerConnection,
          clock,
          random,
          handlers,
          connect: this.witness.tapSocket(openWebSocket, onMessage),
        }),
      symbols,
      timeframes: TIMEFRAMES,
      derive: true,
      settleMs: SETTLE_MS,
      lookback: 120,
      firstLook: 60,
      window: pLimit(64),
      clock,
      exchangeNow: () => governor.exchangeNow(),
      random,
      // Every derived candle.
      auditSample: symbols.length * TIMEFRAMES.length,
      listener: {
        onRevision: (key, since) => this.revisions.push({ ...key, since }),
        onMismatch: (mismatch) => this.mismatches.push(mismatch),
        onContractInfo: (info) => this.contracts.push(info),
        onNotice: (notice) => this.notices.push({ ...notice, at: clock.now() }),
        onError: (error) => this.errors.push(error),
      },
    });
    releasers.push(() => this.live.stop());
    this.pipeline = new Pipeline({ store, sources: this.live.sources, timeframes: TIMEFRAMES, clock });
  }

  static async start(options: LiveSimOptions): Promise<LiveSim> {
    const releasers = new Releasers();
    try {
      return new LiveSim(await startParts(options, releasers), options);
    } catch (error) {
      await releasers.release();
      throw error;
    }
  }

  /** Makes everything older but the exchange, whose time is still the same. */
  age(ms: number): void {
    this.clock.age(ms);
    this.#governor.setExchangeTime(this.clock.now(), 0);
  }

  /** Waits for the slot and runs its cycle. */
  async run(slot: Slot): Promise<SlotRun> {
    await this.clock.until(slot);
    const deadline = deadlineSignal(this.clock, DEADLINE_MS, { waiting: 0 });
    const windows: SeriesWindow[] = [];
    const batches: { symbols: ReadonlySet<string>; endedAt: number }[] = [];
    const analyze = async (batch: AnalysisBatch) => {
      windows.push(...batch.series);
      const result = await this.#pool.analyze(batch);
      batches.push({ symbols: new Set(batch.series.map(({ symbol }) => symbol)), endedAt: this.clock.now() });
      return result;
    };
    try {
      const report = await runCycle(this.#cycleParts(analyze), slot, this.symbols, deadline.signal);
      return { slot, report, windows, batches };
    } finally {
      deadline.cancel();
    }
  }

  /** The exchange's own candles in place of a window's. */
  expected({ symbol, timeframe, length }: SeriesWindow, slot: Slot): CandleRow[] {
    const end = slotAt(slot, timeframe);
    return closedRows(this.market, symbol, timeframe, length, end).map(
      (row) => row.slice(0, 6).map(Number) as unknown as CandleRow,
    );
  }

  /** Trades of a symbol in the minute before the slot. */
  trades(symbol: string, slot: Slot): number {
    const listing = this.market.find(symbol);
    return (listing && this.market.kline(listing, '1m', slot - 60_000, slot)?.trades) ?? 0;
  }

  /** Symbols that nobody traded in the minute before the slot: the exchange sends nothing for them. */
  quiet(slot: Slot): string[] {
    return this.symbols.filter((symbol) => this.trades(symbol, slot) === 0);
  }

  /** Resolves when everything is closed. May be called again. */
  stop(): Promise<void> {
    return this.#releasers.release();
  }

  #cycleParts(analyze: CycleParts['analyzers']['analyze']): CycleParts {
    const { analyzers } = this.#pool;
    const leastWarmup = Math.min(...analyzers.filter(({ kind }) => kind === 'series').map(({ warmup }) => warmup));
    const { pipeline, clock, live } = this;
    const batches: BatchOrder = (symbols, slot, signal) => live.batches(symbols, slot, 8, signal);
    return { pipeline, analyzers: { analyze, leastWarmup }, clock, exchange: 'sim', batches };
  }
}

type Parts = Awaited<ReturnType<typeof startParts>>;

async function startParts({ clock, symbols: count, sim: simOptions }: LiveSimOptions, releasers: Releasers) {
  const random = seededRandom(2);
  const market = seededMarket({ symbols: count, seed: 7, now: clock.now() });
  const answered: number[] = [];
  const sim = await startSim({
    market: noting(market, answered),
    clock,
    random,
    latencyMs: 5,
    jitterMs: 5,
    ...simOptions,
  });
  releasers.push(() => sim.stop());
  const holds: { from: number; until: number }[] = [];
  const onClosed = (until: number) => holds.push({ from: clock.now(), until });
  const governor = new WeightGovernor({ clock, random, onClosed });
  releasers.push(() => governor.stop());
  const client = await createBinanceClient({
    restUrl: sim.restUrl,
    requestTimeoutMs: 10_000,
    window: 64,
    governor,
    clock,
    random,
  });
  releasers.push(() => client.close());
  const pool = await createAnalyzerPool({ workers: 1, budgetMs: 2_000, clock, workerUrl });
  releasers.push(() => pool.close());
  const { instruments } = await client.exchangeInfo({ lane: 'urgent' });
  await client.serverTime({ lane: 'urgent' });
  const symbols = instruments
    .filter(
      ({ status, contractType, quoteAsset }) =>
        status === 'TRADING' && contractType === 'PERPETUAL' && quoteAsset === 'USDT',
    )
    .map(({ symbol }) => symbol);
  return { market, sim, governor, client, pool, symbols, answered, holds, releasers };
}

/** The market, that writes down when pages of it were asked for. */
function noting(market: Market, asked: number[]): Market {
  return {
    listings: market.listings,
    find: (symbol) => market.find(symbol),
    kline: (...query) => market.kline(...query),
    span: (...query) => market.span(...query),
    page: (listing, interval, window, now) => {
      asked.push(now);
      return market.page(listing, interval, window, now);
    },
  };
}

import { expect, onTestFinished } from 'vitest';
import { seededRandom } from '../../src/lib/random.js';
import type { DatedExchangeInfo, ExchangeClient, Instrument } from '../../src/pipeline/exchange/contract.js';
import type { ContractInfo } from '../../src/pipeline/stream/contract.js';
import { selectUniverse, type UniverseFilters } from '../../src/pipeline/universe.js';
import type { UniverseChange } from '../../src/pipeline/universe-change.js';
import { UniverseKeeper } from '../../src/pipeline/universe-keeper.js';
import { FakeClock, MINUTE } from './fake-clock.js';

export const DAY = 86_400_000;
export const PERIOD = 10 * MINUTE;
export const LISTED_AT = Date.UTC(2025, 0, 1);
export const FILTERS: UniverseFilters = {
  quote: 'USDT',
  include: [],
  exclude: [],
  contractTypes: ['PERPETUAL'],
  maxSymbols: null,
  minAgeMs: null,
  minQuoteVolume24h: null,
};

export function instrument(symbol: string, more: Partial<Instrument> = {}): Instrument {
  return {
    symbol,
    unified: `${symbol}/USDT:USDT`,
    baseAsset: symbol,
    quoteAsset: 'USDT',
    contractType: 'PERPETUAL',
    status: 'TRADING',
    onboardTime: LISTED_AT,
    ...more,
  };
}

/** `S0USDT`, `S1USDT`… */
export function named(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `S${from + index}USDT`);
}

export const news = (symbol: string, status: string, contractType = 'PERPETUAL'): ContractInfo => ({
  symbol,
  status,
  contractType,
  eventTime: 0,
});

/**
 * A keeper on a fake clock over a list that the test changes as it likes. When the test ends it is stopped, and must leave
 * no timer.
 */
export class KeeperRig {
  readonly clock = new FakeClock();
  readonly changes: UniverseChange[] = [];
  readonly errors: unknown[] = [];
  /** Monotonic ms of every list that was asked for. */
  readonly asked: number[] = [];
  volumesAsked = 0;
  list: readonly Instrument[];
  volumes: ReadonlyMap<string, number> = new Map();
  /** What becomes of a request for the list. */
  answer: () => Promise<void> = async () => {};
  readonly keeper: UniverseKeeper;

  constructor(symbols: readonly string[], filters: Partial<UniverseFilters> = {}) {
    this.list = symbols.map((symbol) => instrument(symbol));
    this.volumes = new Map(symbols.map((symbol, index) => [symbol, 1_000 - index]));
    const all = { ...FILTERS, ...filters };
    this.keeper = new UniverseKeeper({
      client: this.#client(),
      exchangeNow: () => this.clock.now(),
      filters: all,
      refreshEveryMs: PERIOD,
      clock: this.clock,
      random: seededRandom(11),
      listener: {
        onChange: (change) => this.changes.push(change),
        onError: (error) => this.errors.push(error),
      },
    });
    onTestFinished(async () => {
      await this.keeper.stop();
      expect(this.clock.pendingTimers).toBe(0);
    });
    this.keeper.start(selectUniverse(this.list, all, this.clock.now(), this.volumes));
  }

  get symbols(): string[] {
    return this.keeper.current().instruments.map(({ symbol }) => symbol);
  }

  /** What every change so far added and removed. */
  get told(): { added: string[]; removed: string[] }[] {
    return this.changes.map(({ added, removed }) => ({
      added: added.map(({ symbol }) => symbol),
      removed: removed.map(({ symbol, reason }) => `${symbol} ${reason}`),
    }));
  }

  setList(symbols: readonly string[]): void {
    this.list = symbols.map((symbol) => instrument(symbol));
  }

  setStatus(symbol: string, status: string): void {
    this.list = this.list.map((one) => (one.symbol === symbol ? { ...one, status } : one));
  }

  #client(): Pick<ExchangeClient, 'exchangeInfo' | 'quoteVolumes'> {
    return {
      exchangeInfo: async ({ signal }): Promise<DatedExchangeInfo> => {
        this.asked.push(this.clock.monotonic());
        await this.answer();
        signal?.throwIfAborted();
        return { instruments: this.list, weightLimit: 2_400, dropped: 0, repliedAt: null };
      },
      quoteVolumes: async () => {
        this.volumesAsked += 1;
        return this.volumes;
      },
    };
  }
}

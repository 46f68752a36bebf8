import type { CandleCache } from '../cache/tiers.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../lib/log.js';
import type { Deepening } from '../pipeline/deepening.js';
import type { LiveCandles } from '../pipeline/live/live-candles.js';
import type { SeriesKey } from '../pipeline/source.js';
import type { UniverseChange } from '../pipeline/universe-change.js';
import { UniverseKeeper, type UniverseSettings } from '../pipeline/universe-keeper.js';
import type { MarketOptions } from './market.js';

type Cache = Pick<CandleCache, 'drop' | 'load'>;

interface Followers {
  readonly live: Pick<LiveCandles, 'setSymbols'> | null;
  readonly deepening: Pick<Deepening, 'forget'>;
}

/** Lets everything that knows symbols follow the universe. */
export class UniverseFollower {
  readonly keeper: UniverseKeeper;
  readonly #log: Logger;
  readonly #cache: Cache;
  readonly #config: Config;
  /** Null while they are being built, from what the universe is then. */
  #followers: Followers | null = null;

  constructor({ config, client, exchangeClock, random, log }: MarketOptions, cache: Cache) {
    this.#log = log.child({ part: 'universe' });
    this.#cache = cache;
    this.#config = config;
    this.keeper = new UniverseKeeper({
      client,
      exchangeNow: () => exchangeClock.now(),
      ...universeSettings(config),
      clock: exchangeClock,
      random,
      listener: {
        onChange: (change) => this.#changed(change),
        onError: (err) => this.#log.warn({ err }, 'the list of symbols could not be read'),
      },
    });
  }

  follow(followers: Followers): void {
    this.#followers = followers;
  }

  /** As with a listing: what stays keeps its connection and its candles. */
  reconfigure(config: Config): void {
    void this.keeper.reconfigure(universeSettings(config));
  }

  #changed({ added, removed, universe }: UniverseChange): void {
    this.#log.info(
      { added: added.map(({ symbol }) => symbol), removed, symbols: universe.instruments.length },
      'the universe changed',
    );
    // One that was listed before may still be on disk; the next cycle asks for what closed since.
    void this.#cache.load(
      added.flatMap(({ symbol }) => this.#keysOf(symbol)),
      { ahead: true },
    );
    this.#followers?.live?.setSymbols(universe.instruments.map(({ symbol }) => symbol));
    for (const { symbol } of removed) {
      this.#followers?.deepening.forget(symbol);
      for (const { timeframe } of this.#keysOf(symbol)) this.#cache.drop(symbol, timeframe);
    }
  }

  #keysOf(symbol: string): SeriesKey[] {
    return this.#config.timeframes.map((timeframe) => ({ symbol, timeframe }));
  }
}

function universeSettings({ universe: { refreshEveryMs, ...filters } }: Config): UniverseSettings {
  return { filters, refreshEveryMs };
}

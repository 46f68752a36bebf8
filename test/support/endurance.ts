import { getHeapStatistics } from 'node:v8';
import type { CacheStats } from '../../src/cache/contract.js';
import { SegmentStore } from '../../src/cache/l2.js';
import { summarize } from '../../src/cache/maintenance.js';
import { CandleCache } from '../../src/cache/tiers.js';
import { collectGarbage } from '../../src/lib/collect-garbage.js';
import type { SeriesStore } from '../../src/pipeline/source.js';
import { EnduranceScanner } from './endurance-scanner.js';
import { FakeClock, settled } from './fake-clock.js';
import { Market, Rig, TIMEFRAMES } from './live.js';
import { liesOf } from './live-soak.js';
import { Weather } from './live-weather.js';
import { RealWork } from './real-work.js';
import { MIDNIGHT, STEP_MS } from './stream-frames.js';

const SETTLED_MS = 60_000;
const STRIKE_EVERY_MS = 30_000;
/** Fair slots before everything is looked at, so that what is left is not a remedy under way. */
const FAIR_SLOTS = 3;
/** Until what the market made is let go of, so that the market's memory is flat too. */
const FORGET_EVERY = 100;

/** What is held at one moment, after garbage has been collected. */
export interface Sample {
  readonly slots: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Pages of V8's heap in this thread that are resident: more than is live, and more with time, as pages fragment. */
  readonly heapPageBytes: number;
  /** What V8 knows of that lies outside its heap, the next included. */
  readonly externalBytes: number;
  readonly arrayBufferBytes: number;
  readonly timers: number;
  readonly sockets: number;
  /** What keeps Node's event loop alive but timers: handles and requests, the disk's included. */
  readonly resources: number;
  /** Listeners on `process`. */
  readonly listeners: number;
}

export interface EnduranceOptions {
  readonly symbols: readonly string[];
  readonly slots: number;
  readonly dir: string;
  readonly quietShare: number;
  readonly seed: number;
  /** Every how many slots what changed is written to disk. */
  readonly flushEvery: number;
  /** The compiled worker of the analyzers. With it the rest of the daemon runs above the candles. */
  readonly workerUrl?: URL;
}

/** Every how many slots somebody looks at the daemon over HTTP. */
const LOOK_EVERY = 10;

/**
 * The live pipeline over the two tiers of the cache, on a simulated network; time is the fake clock's, the disk is real.
 * On demand with all that a daemon does with it.
 */
export class Endurance {
  readonly rig: Rig;
  readonly lies: string[] = [];
  flushes = 0;
  /** Series that a cycle did not bring to its slot. */
  incomplete = 0;
  strikes = 0;
  requests = 0;
  readonly #cache: CandleCache;
  readonly #weather: Weather;
  readonly #options: EnduranceOptions;
  #scanner: EnduranceScanner | null = null;
  #slot = MIDNIGHT;

  private constructor(options: EnduranceOptions, clock: FakeClock, cache: CandleCache) {
    this.#options = options;
    this.#cache = cache;
    const { symbols, slots, quietShare, seed } = options;
    const market = new Market(symbols, slots + 1, quietShare, seed);
    this.rig = new Rig({ market, seed, streamsPerConnection: 2, clock, store: storeOf(cache) });
    this.#weather = new Weather(this.rig, seed);
  }

  static async start(options: EnduranceOptions): Promise<Endurance> {
    const work = new RealWork();
    const clock = new FakeClock(MIDNIGHT + 60_000, work.settle);
    const store = await SegmentStore.open({ dir: options.dir, maxBytes: 64 * 2 ** 20, clock });
    const cache = new CandleCache({
      exchange: 'sim',
      lookback: 300,
      l1MaxBytes: 64 * 2 ** 20,
      store,
      flushEveryMs: STEP_MS,
      clock,
    });
    const endurance = new Endurance(options, clock, cache);
    await endurance.rig.cycle(MIDNIGHT);
    endurance.rig.live.start();
    await endurance.#scan(work);
    endurance.#weather.candle(MIDNIGHT);
    return endurance;
  }

  /** Lives through slots, something going wrong every 30 s but before their end. */
  async foul(slots: number): Promise<void> {
    this.#weather.turnFoul();
    for (let left = slots - FAIR_SLOTS; left > 0; left--) await this.#step(true);
    this.#weather.turnFair();
    for (let left = FAIR_SLOTS; left > 0; left--) await this.#step(false);
  }

  async fair(slots: number): Promise<void> {
    for (let left = slots; left > 0; left--) await this.#step(false);
  }

  sample(slots: number): Sample {
    const { rig } = this;
    rig.market.forget();
    collectGarbage();
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    return {
      slots,
      rssBytes: rss,
      heapBytes: heapUsed,
      heapPageBytes: getHeapStatistics().total_physical_size,
      externalBytes: external,
      arrayBufferBytes: arrayBuffers,
      timers: rig.clock.pendingTimers,
      sockets: rig.exchange.live.length,
      resources: process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length,
      listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    };
  }

  /** Candles held that are not the market's, every one of every series. */
  wrongHeld(): string[] {
    const { rig } = this;
    return rig.market.symbols.flatMap((symbol) =>
      TIMEFRAMES.flatMap((timeframe) =>
        rig
          .held({ symbol, timeframe })
          .filter((row) => row.join() !== rig.market.row(symbol, timeframe, row[0]).join())
          .map((row) => `${symbol} ${timeframe} ${row.join()}`),
      ),
    );
  }

  cacheStats(): CacheStats {
    return this.#cache.stats();
  }

  /** Resolves to what was scanned and is on disk, and to the timers that are left, when everything is stopped. */
  async stop() {
    const scanned = this.#scanner?.stats() ?? null;
    await this.#scanner?.stop();
    await this.rig.live.stop();
    await this.#cache.stop();
    // The exchange goes on sending to the end of its candle.
    await this.rig.clock.advance(2 * STEP_MS);
    return { scanned, disk: await summarize(this.#options.dir), timersLeft: this.rig.clock.pendingTimers };
  }

  /** From 60 s after one slot to 60 s after the next. */
  async #step(isFoul: boolean): Promise<void> {
    const { rig } = this;
    // The simulation itself never lets the event loop turn.
    await settled();
    const slot = this.#slot + STEP_MS;
    for (let at = rig.clock.now(); at < slot; at = rig.clock.now()) {
      await rig.clock.advance(Math.min(STRIKE_EVERY_MS, slot - at));
      if (isFoul) this.#strike();
    }
    const acquiring = this.#scanner?.cycle(slot) ?? rig.cycle(slot);
    for (let waited = 0; waited < SETTLED_MS; waited += STRIKE_EVERY_MS) {
      await rig.clock.advance(STRIKE_EVERY_MS);
      if (isFoul) this.#strike();
    }
    const { windows, skipped } = await acquiring;
    this.incomplete += skipped.length;
    for (const window of windows) this.lies.push(...liesOf(rig.market, window));
    this.#slot = slot;
    this.#weather.candle(slot);
    await this.#tidy(Math.round((slot - MIDNIGHT) / STEP_MS));
  }

  async #scan(work: RealWork): Promise<void> {
    const { dir, workerUrl } = this.#options;
    if (workerUrl === undefined) return;
    this.#scanner = await EnduranceScanner.start({ rig: this.rig, cache: this.#cache, work, dir, workerUrl });
  }

  #strike(): void {
    this.#weather.strike();
    this.strikes += 1;
  }

  /** Writes to disk, and empties what only this test keeps. */
  async #tidy(slots: number): Promise<void> {
    const { rig } = this;
    if (slots % this.#options.flushEvery === 0) {
      await this.#cache.flush();
      this.flushes += 1;
    }
    this.requests += rig.asked.length;
    rig.asked.length = 0;
    rig.revisions.length = 0;
    const { sockets } = rig.exchange;
    sockets.splice(0, sockets.length, ...sockets.filter(({ state }) => state !== 'closed'));
    for (const socket of sockets) socket.sent.length = 0;
    if (slots % LOOK_EVERY === 0) await this.#scanner?.look();
    if (slots % FORGET_EVERY === 0) rig.market.forget();
  }
}

function storeOf(cache: CandleCache): SeriesStore {
  return {
    get: ({ symbol, timeframe }) => cache.peek(symbol, timeframe) ?? undefined,
    set: (series) => cache.put(series),
    touch: ({ symbol, timeframe }) => cache.touch(symbol, timeframe),
  };
}

import pLimit from 'p-limit';
import type { Series } from '../domain/series.js';
import { slotAt } from '../domain/slot.js';
import { timeframeMs } from '../domain/timeframe.js';
import type { Cancel } from '../lib/clock.js';
import { groupBy } from '../lib/group-by.js';
import { nextTurn } from '../lib/next-turn.js';
import type { CacheBounds, CacheStats, CandleCacheOptions, LoadOptions, LoadReport, ShrinkReport } from './contract.js';
import { hydrate, isUsable } from './hydrate.js';
import { isOf, type SeriesKey, segmentKey, segmentNumber, segmentTimeframe } from './keys.js';
import { L1 } from './l1.js';
import { type FlushReport, WriteBehind } from './write-behind.js';

/** Segments read at once while warming up; more only queue in Node's four file system threads. */
const SEGMENTS_IN_FLIGHT = 4;
const SWEEP_EVERY_MS = 3_600_000;
/** A slot is busy for so long; flushes wait for half of it, and half of their period, at most. */
const BUSY_MS = 20_000;

type Outcome = 'hits' | 'misses' | 'stale' | 'errors';

/**
 * The candles of one exchange in two tiers: live series in memory over compressed segments on disk. What comes from
 * here is always a sound series of the key that was asked for, possibly behind: the caller fetches the candles after
 * `lastOpenTime`. No method rejects because of the disk.
 */
export class CandleCache {
  readonly #options: CandleCacheOptions;
  readonly #l1: L1<Series>;
  readonly #writeBehind: WriteBehind;
  readonly #l2: Record<Outcome, number> = { hits: 0, misses: 0, stale: 0, errors: 0 };
  #candlesRead = 0;
  #flushEveryMs: number;
  #isStarted = false;
  /** Whether series get no more room than they need soon. */
  #tight = false;
  #cancelTimer: Cancel = () => {};
  #timerFlush: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | null = null;
  /** Monotonic ms; the first flush after a start sweeps. */
  #sweepDue = Number.NEGATIVE_INFINITY;

  constructor(options: CandleCacheOptions) {
    this.#options = options;
    this.#flushEveryMs = options.flushEveryMs;
    const { l1MaxBytes, store, exchange, lookback, clock } = options;
    this.#l1 = new L1({ maxBytes: l1MaxBytes, sizeOf: (series) => series.byteLength });
    this.#writeBehind = new WriteBehind({
      store,
      lookback,
      clock,
      maxDirtyBytes: l1MaxBytes,
      segmentOf: (key) => segmentKey(exchange, key),
      residents: () => [...this.#l1.entries()].map(([, series]) => series),
    });
  }

  /** Begins to write what changed every `flushEveryMs`, or a little later where that is a busy moment. */
  start(): void {
    if (this.#stopped !== null) throw new Error('a cache that was stopped cannot be started again');
    this.#isStarted = true;
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.setTimer(this.#untilFlushMs(), () => {
      this.#timerFlush = this.#flushAndRearm();
    });
  }

  /** Series and segments beyond the new bounds go; the next flush is due one new period from now, if that is another one. */
  reconfigure({ l1MaxBytes, l2MaxBytes, flushEveryMs }: CacheBounds): void {
    this.#l1.resize(l1MaxBytes);
    this.#writeBehind.resize(l1MaxBytes);
    this.#options.store.resize(l2MaxBytes);
    if (flushEveryMs === this.#flushEveryMs) return;
    this.#flushEveryMs = flushEveryMs;
    if (this.#isStarted && this.#stopped === null) this.start();
  }

  /** The live series of a key, from memory or disk; null when it must be fetched. Concurrent calls share one load. */
  async get(symbol: string, timeframe: SeriesKey['timeframe']): Promise<Series | null> {
    const key = { symbol, timeframe };
    return this.#held(key) ?? this.#l1.load(keyText(key), () => this.#readOne(key));
  }

  /** The series in memory, uncounted. */
  peek(symbol: string, timeframe: SeriesKey['timeframe']): Series | null {
    return this.#l1.peek(keyText({ symbol, timeframe }));
  }

  /** Counts that the series in memory is asked for, and whether it was of use; it is used recently from now on. */
  touch(symbol: string, timeframe: SeriesKey['timeframe']): void {
    this.#held({ symbol, timeframe });
  }

  /** Forgets the series in memory. On disk it stays until it is too old to be of use. */
  drop(symbol: string, timeframe: SeriesKey['timeframe']): void {
    this.#l1.delete(keyText({ symbol, timeframe }));
  }

  /** Keeps a series; call it again whenever the series changed, so that the next flush writes it. */
  put(series: Series): void {
    const text = keyText(series);
    if (this.#l1.peek(text) === series) this.#l1.remeasure(text);
    else {
      if (this.#tight) series.setTight(true);
      this.#l1.set(text, series);
    }
    this.#writeBehind.mark(series);
  }

  /**
   * Takes less memory until `relax`: what is on disk and not wanted goes, and the rest gives up the room in which it
   * grows. Flush before, because what is not on disk stays.
   */
  shrink(isWanted: (key: SeriesKey) => boolean): ShrinkReport {
    this.#tight = true;
    const before = this.#l1.stats();
    // The longest unused first, so that the order of use stays.
    for (const [text, series] of [...this.#l1.entries()].toReversed()) {
      if (isWanted(series) || this.#writeBehind.pending(series) !== null) {
        series.setTight(true);
        this.#l1.remeasure(text);
      } else this.#l1.delete(text);
    }
    const after = this.#l1.stats();
    return { series: before.entries - after.entries, bytes: before.bytes - after.bytes };
  }

  /** Lets series have their usual room again, each from the next renewal of its buffer on. */
  relax(): void {
    this.#tight = false;
    for (const [, series] of this.#l1.entries()) series.setTight(false);
  }

  /** The series of these timeframes that are on disk, in groups: the symbols of one are in no other. */
  stored(timeframes: readonly SeriesKey['timeframe'][]): SeriesKey[][] {
    const { store, exchange } = this.#options;
    const groups = groupBy(
      store.keys().filter((key) => isOf(exchange, key)),
      segmentNumber,
    );
    return [...groups.values()].map((segments) =>
      segments.flatMap((key) => {
        const timeframe = timeframes.find((candidate) => candidate === segmentTimeframe(key));
        return timeframe === undefined ? [] : store.symbolsOf(key).map((symbol) => ({ symbol, timeframe }));
      }),
    );
  }

  /**
   * Brings the series of `keys` into memory, in that order: give the hottest first. Rejects only with the signal's
   * reason; what was loaded by then stays.
   */
  async load(keys: readonly SeriesKey[], options: LoadOptions = {}): Promise<LoadReport> {
    const { signal, onProgress, ahead = false } = options;
    const bySegment = groupBy(keys, (key) => segmentKey(this.#options.exchange, key));
    let done = 0;
    let loaded = 0;
    await pLimit(SEGMENTS_IN_FLIGHT).map(bySegment, async ([segment, wanted]) => {
      signal?.throwIfAborted();
      const found = await this.#loadSegment(segment, wanted, ahead);
      loaded += found;
      done += wanted.length;
      onProgress?.({ done, total: keys.length });
    });
    return { loaded, missing: keys.length - loaded };
  }

  /** Writes what changed since the last flush. Never rejects; a failed segment stays due. */
  async flush(): Promise<FlushReport> {
    const report = await this.#writeBehind.flush();
    const now = this.#options.clock.monotonic();
    if (now >= this.#sweepDue) {
      this.#sweepDue = now + SWEEP_EVERY_MS;
      await this.#options.store.sweep();
    }
    return report;
  }

  stats(): CacheStats {
    const { entries, bytes, ...store } = this.#options.store.stats();
    return {
      l1: this.#l1.stats(),
      l2: { ...this.#l2, entries, bytes, ...store },
      candlesRead: this.#candlesRead,
      dirtySeries: this.#writeBehind.dirtySeries,
      droppedSeries: this.#writeBehind.dropped,
    };
  }

  /** Writes what changed and closes the store. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #untilFlushMs(): number {
    const { base, clock } = this.#options;
    if (base === undefined) return this.#flushEveryMs;
    const at = clock.now() + this.#flushEveryMs;
    const busyMs = Math.min(BUSY_MS, timeframeMs(base) / 2, this.#flushEveryMs / 2);
    return this.#flushEveryMs + Math.max(0, slotAt(at, base) + busyMs - at);
  }

  async #flushAndRearm(): Promise<void> {
    const report = await this.flush();
    this.#options.onFlush?.(report);
    if (this.#stopped === null) this.start();
  }

  async #stop(): Promise<void> {
    this.#cancelTimer();
    await this.#timerFlush;
    await this.#writeBehind.drain();
    await this.#options.store.close();
  }

  async #readOne(key: SeriesKey): Promise<Series | null> {
    const { store, exchange } = this.#options;
    const pending = this.#writeBehind.pending(key);
    if (pending !== null && this.#isUsable(pending)) return pending;
    const segment = segmentKey(exchange, key);
    if (!store.symbolsOf(segment).includes(key.symbol)) {
      this.#l2.misses += 1;
      return null;
    }
    const read = await store.read(segment);
    return this.#take(key, read.status === 'hit' ? read.segment.records : read.status);
  }

  async #loadSegment(segment: string, wanted: readonly SeriesKey[], ahead: boolean): Promise<number> {
    const absent = wanted.filter((key) => (ahead ? this.#l1.peek(keyText(key)) : this.#held(key)) === null);
    if (absent.length === 0) return wanted.length;
    const read = await this.#options.store.read(segment);
    const from = read.status === 'hit' ? read.segment.records : read.status;
    // Decoding takes a while: the reads and requests beside it go on in between.
    await nextTurn();
    const taken = absent.filter((key) => {
      const series = this.#take(key, from);
      return series !== null && this.#l1.setIfAbsent(keyText(key), series);
    });
    return wanted.length - absent.length + taken.length;
  }

  /** One series out of a segment that was read, counted. */
  #take(key: SeriesKey, from: ReadonlyMap<string, Uint8Array> | 'miss' | 'stale' | 'error'): Series | null {
    const [outcome, series] = this.#judge(key, from);
    this.#l2[outcome] += 1;
    if (series === null) return null;
    this.#candlesRead += series.length;
    this.#writeBehind.markSaved(series);
    return series;
  }

  #judge(
    { symbol, timeframe }: SeriesKey,
    from: ReadonlyMap<string, Uint8Array> | 'miss' | 'stale' | 'error',
  ): [Outcome, Series | null] {
    if (from === 'miss') return ['misses', null];
    if (from === 'stale') return ['stale', null];
    if (from === 'error') return ['errors', null];
    const record = from.get(symbol);
    if (record === undefined) return ['misses', null];
    const { lookback, clock } = this.#options;
    const series = hydrate(record, symbol, timeframe, lookback, clock.now());
    if (series === null) return ['errors', null];
    return this.#isUsable(series) ? ['hits', series] : ['stale', null];
  }

  /** Counted; a series that is of no use any more goes. */
  #held(key: SeriesKey): Series | null {
    return this.#l1.get(keyText(key), (series) => this.#isUsable(series));
  }

  #isUsable(series: Series): boolean {
    return isUsable(series.lastOpenTime, series.timeframe, this.#options.lookback, this.#options.clock.now());
  }
}

function keyText({ symbol, timeframe }: SeriesKey): string {
  return `${timeframe}/${symbol}`;
}

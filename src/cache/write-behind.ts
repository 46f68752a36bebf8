import pLimit from 'p-limit';
import type { Series } from '../domain/series.js';
import type { Clock } from '../lib/clock.js';
import { groupBy } from '../lib/group-by.js';
import { encodeRecord } from './codec/record.js';
import { isUsable, lastOpenTimeOf } from './hydrate.js';
import { type SeriesKey, segmentTimeframe } from './keys.js';
import type { SegmentStore } from './l2.js';

/** Segments being encoded or written at once: some compress while others are on their way to the disk. */
const SEGMENTS_IN_FLIGHT = 6;

export interface WriteBehindOptions {
  readonly store: SegmentStore;
  readonly lookback: number;
  /** Bytes of changed series that may wait; beyond it a flush starts early, beyond twice as much the oldest are dropped. */
  readonly maxDirtyBytes: number;
  readonly segmentOf: (key: SeriesKey) => string;
  /** Every series in memory: a segment is rewritten with all of its series that are there. */
  readonly residents: () => Iterable<Series>;
  readonly clock: Clock;
}

export interface FlushReport {
  readonly segments: number;
  readonly series: number;
  /** Segments that could not be written, or were not tried because the disk failed a moment ago; they stay due. */
  readonly failed: number;
  readonly durationMs: number;
}

/** A changed series, with the bytes that it was counted with: its buffer may be another one by the time it is written. */
interface Dirty {
  readonly series: Series;
  readonly bytes: number;
}

/** Knows which series changed since they were written, and writes the segments they belong to. */
export class WriteBehind {
  readonly #options: WriteBehindOptions;
  /** In the order of their first change. */
  readonly #dirty = new Map<string, Map<string, Dirty>>();
  /** Taken from `#dirty` by a write that has not ended. */
  readonly #writing = new Map<string, readonly Series[]>();
  /** The row behind the newest one that is on disk, by buffer: rows of a buffer never change once written. */
  readonly #saved = new WeakMap<SharedArrayBuffer, number>();
  /** Segments that were removed from disk as damaged and not written since. */
  readonly #lost = new Set<string>();
  #maxDirtyBytes: number;
  #dirtyBytes = 0;
  #dropped = 0;
  #flushing: Promise<FlushReport> | null = null;

  constructor(options: WriteBehindOptions) {
    this.#options = options;
    this.#maxDirtyBytes = options.maxDirtyBytes;
  }

  get dirtySeries(): number {
    let series = 0;
    for (const ofSegment of this.#dirty.values()) series += ofSegment.size;
    return series;
  }

  /** Series that changed and were given up because the disk kept failing. */
  get dropped(): number {
    return this.#dropped;
  }

  /** A series that is not on disk yet; memory may have let go of it meanwhile. */
  pending(key: SeriesKey): Series | null {
    const segment = this.#options.segmentOf(key);
    const writing = () => this.#writing.get(segment)?.find((series) => series.symbol === key.symbol);
    return this.#dirty.get(segment)?.get(key.symbol)?.series ?? writing() ?? null;
  }

  /** Call after a series changed; one whose candles are all on disk already is left out. */
  mark(series: Series): void {
    const { buffer, start } = series.window({ count: 0 });
    if (series.length === 0 || this.#saved.get(buffer) === start) return;
    this.#add(series);
    if (this.#dirtyBytes > this.#maxDirtyBytes) void this.flush();
    while (this.#dirtyBytes > 2 * this.#maxDirtyBytes) this.#dropOldest();
  }

  /** Another bound of what may wait; nothing is dropped before the next change, so that a flush has its chance. */
  resize(maxDirtyBytes: number): void {
    this.#maxDirtyBytes = maxDirtyBytes;
    if (this.#dirtyBytes > maxDirtyBytes) void this.flush();
  }

  /** The series was read from disk just now. */
  markSaved(series: Series): void {
    const { buffer, start } = series.window({ count: 0 });
    this.#saved.set(buffer, start);
  }

  /** Writes every segment with a changed series. A running flush is joined; never rejects. */
  flush(): Promise<FlushReport> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** Waits for a running flush and writes what changed during it. */
  async drain(): Promise<FlushReport> {
    await this.#flushing;
    return this.flush();
  }

  async #flush(): Promise<FlushReport> {
    const { clock, store } = this.#options;
    const startedAt = clock.monotonic();
    if (store.suspended) return { segments: 0, series: 0, failed: this.#dirty.size, durationMs: 0 };
    for (const key of store.takeLost()) if (segmentTimeframe(key) !== null) this.#lost.add(key);
    if (this.#dirty.size === 0 && this.#lost.size === 0) return { segments: 0, series: 0, failed: 0, durationMs: 0 };
    const residents = groupBy(this.#options.residents(), this.#options.segmentOf);
    const lost = [...this.#lost].filter((key) => residents.has(key));
    const limit = pLimit(SEGMENTS_IN_FLIGHT);
    const keys = [...new Set([...this.#dirty.keys(), ...lost])];
    const written = await limit.map(keys, (key) => this.#writeSegment(key, residents.get(key) ?? []));
    return {
      segments: written.filter((series) => series !== null).length,
      series: written.reduce<number>((sum, series) => sum + (series ?? 0), 0),
      failed: written.filter((series) => series === null).length,
      durationMs: clock.monotonic() - startedAt,
    };
  }

  /** The number of series written, or null when the segment could not be. */
  async #writeSegment(key: string, residents: readonly Series[]): Promise<number | null> {
    const dirty = this.#take(key);
    this.#writing.set(key, dirty);
    try {
      return await this.#write(key, dirty, residents);
    } finally {
      this.#writing.delete(key);
    }
  }

  async #write(key: string, dirty: readonly Series[], residents: readonly Series[]): Promise<number | null> {
    const series = new Map(residents.map((resident) => [resident.symbol, resident]));
    for (const changed of dirty) series.set(changed.symbol, changed);
    const records = await this.#absentRecords(key, series);
    const windows = [...series.values()].filter((one) => one.length > 0).map((one) => one.window());
    for (const window of windows) records.set(window.symbol, encodeRecord(window));
    try {
      if ((await this.#options.store.write(key, records)) === 'written') {
        for (const { buffer, start, length } of windows) this.#saved.set(buffer, start + length);
        this.#lost.delete(key);
        return records.size;
      }
    } catch (error) {
      // Too large to be read back: trying again would not help.
      if (!(error instanceof RangeError)) throw error;
      this.#dropped += dirty.length;
      return null;
    }
    for (const changed of dirty) if (!this.#dirty.get(key)?.has(changed.symbol)) this.#add(changed);
    return null;
  }

  /** What the segment holds on disk of series that are not in memory, unless it is too old to be of use. */
  async #absentRecords(key: string, present: ReadonlyMap<string, Series>): Promise<Map<string, Uint8Array>> {
    const { store, clock, lookback } = this.#options;
    const timeframe = segmentTimeframe(key);
    const absent = store.symbolsOf(key).filter((symbol) => !present.has(symbol));
    if (absent.length === 0 || timeframe === null) return new Map();
    const read = await store.read(key);
    if (read.status !== 'hit') return new Map();
    const kept = [...read.segment.records].filter(([symbol, record]) => {
      const last = lastOpenTimeOf(record, timeframe);
      return !present.has(symbol) && isUsable(last, timeframe, lookback, clock.now());
    });
    return new Map(kept);
  }

  #add(series: Series): void {
    const key = this.#options.segmentOf(series);
    const ofSegment = this.#dirty.get(key) ?? new Map<string, Dirty>();
    this.#dirty.set(key, ofSegment);
    const bytes = series.byteLength;
    this.#dirtyBytes += bytes - (ofSegment.get(series.symbol)?.bytes ?? 0);
    ofSegment.set(series.symbol, { series, bytes });
  }

  #take(key: string): Series[] {
    const taken = [...(this.#dirty.get(key)?.values() ?? [])];
    this.#dirty.delete(key);
    for (const { bytes } of taken) this.#dirtyBytes -= bytes;
    return taken.map(({ series }) => series);
  }

  #dropOldest(): void {
    const key = this.#dirty.keys().next().value;
    if (key !== undefined) this.#dropped += this.#take(key).length;
  }
}

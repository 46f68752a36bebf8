import type { Timeframe } from '../domain/timeframe.js';
import type { Clock } from '../lib/clock.js';
import type { SegmentStore, SegmentStoreStats } from './l2.js';
import type { FlushReport } from './write-behind.js';

/** What may change while a cache is in use. */
export interface CacheBounds {
  /** Of the series in memory, and of those that wait to be written. */
  readonly l1MaxBytes: number;
  /** Of the segments on disk. */
  readonly l2MaxBytes: number;
  readonly flushEveryMs: number;
}

export interface CandleCacheOptions extends Omit<CacheBounds, 'l2MaxBytes'> {
  readonly exchange: string;
  /** Candles per series. */
  readonly lookback: number;
  /** Opened by the caller and closed by `stop`. */
  readonly store: SegmentStore;
  readonly clock: Clock;
  /** Flushes on the timer keep away from the closes of this timeframe, when everything else is busy. */
  readonly base?: Timeframe;
  /** Told of every flush on the timer. */
  readonly onFlush?: (report: FlushReport) => void;
}

export interface LoadProgress {
  readonly done: number;
  readonly total: number;
}

export interface LoadOptions {
  readonly signal?: AbortSignal;
  /** Nobody has asked for the series yet: they count as hits and misses of the disk alone. */
  readonly ahead?: boolean;
  /** Called once per segment, with numbers of series. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface ShrinkReport {
  /** Series that went. */
  readonly series: number;
  /** That memory holds less; the collector frees them when the last reader is done. */
  readonly bytes: number;
}

export interface LoadReport {
  /** Series in memory now. */
  readonly loaded: number;
  /** Series to be fetched from the exchange. */
  readonly missing: number;
}

/** One count per series that was asked for. */
export interface TierStats {
  readonly hits: number;
  readonly misses: number;
  /** Held, but so old that none of its candles is in the window any more. */
  readonly stale: number;
  /** Held, but it could not be read or failed a check. */
  readonly errors: number;
  readonly entries: number;
  readonly bytes: number;
}

export interface L1Stats extends TierStats {
  readonly evictions: number;
}

export interface CacheStats {
  readonly l1: L1Stats;
  readonly l2: TierStats & Omit<SegmentStoreStats, 'entries' | 'bytes'>;
  /** Candles that came from disk. */
  readonly candlesRead: number;
  readonly dirtySeries: number;
  readonly droppedSeries: number;
}

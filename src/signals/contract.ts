import type { Direction, Signal, SignalStatus } from '../domain/signal.js';
import type { Slot } from '../domain/slot.js';
import type { Timeframe } from '../domain/timeframe.js';

/** A signal with its history. Times are epoch milliseconds of the clock that the store was given. */
export interface SignalRecord extends Signal {
  /** The slot of the cycle that brought it to its present state. */
  readonly slot: Slot;
  /** First published, as whatever it was then. */
  readonly publishedAt: number;
  /** From the close of its candle to its first publication. */
  readonly latencyMs: number;
  /** It was news no longer when it was first published. */
  readonly late: boolean;
  /** How often what it says was changed since it was first published; 0 for most. */
  readonly revision: number;
  /** Its last change of any kind. */
  readonly updatedAt: number;
  /** First confirmed, or null. */
  readonly confirmedAt: number | null;
  /** Revoked, or null while it stands. */
  readonly revokedAt: number | null;
}

/** One candle of one series, named by the instant at which it closed (epoch ms). */
export interface Candle {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly candleCloseTime: number;
}

/** An analyzer as it was asked; another version is another voice. */
export interface Asked {
  readonly name: string;
  readonly version: string;
}

/**
 * What one slot's cycle says about the candles it looked at: about each of `candles`, each of `analyzers` said what is in
 * `findings`, and nothing where there is none. So it revokes what was found there earlier and is gone now, and only that:
 * a series that was skipped, or an analyzer that failed, is left out of the lists.
 *
 * A candle belongs into an update when it closes and when it is revised, not into those of every slot after: an analyzer
 * that reads several timeframes of a symbol may think otherwise later without any candle having been revised.
 */
export interface SignalUpdate {
  readonly slot: Slot;
  /** `provisional` while the candles are still forming, `confirmed` when they are final. */
  readonly status: 'provisional' | 'confirmed';
  readonly candles: readonly Candle[];
  readonly analyzers: readonly Asked[];
  /** Each on one of `candles`. */
  readonly findings: readonly Omit<Signal, 'status'>[];
}

/** `amended`: it says something else now, or stands again after it was revoked. */
export type ChangeKind = 'published' | 'confirmed' | 'amended' | 'revoked';

export interface SignalChange {
  readonly kind: ChangeKind;
  /** As it is after the change. */
  readonly record: SignalRecord;
}

export interface PublishReport {
  readonly changes: readonly SignalChange[];
  /** Findings that said what is known already. */
  readonly repeated: number;
  /** Findings that came later than newer ones about their candle; they changed nothing. */
  readonly stale: number;
  /** Whether all of it that is to be kept is on disk. If not it waits in memory, or was refused: see the stats. */
  readonly saved: boolean;
}

export interface SignalQuery {
  readonly symbol?: string;
  readonly timeframe?: Timeframe;
  readonly analyzer?: string;
  readonly direction?: Direction;
  readonly status?: SignalStatus;
  /** The candle closed at or after this instant, epoch ms. */
  readonly since?: number;
  /** The candle closed at or before this instant, epoch ms. */
  readonly until?: number;
  /** 1 to 1000. */
  readonly limit: number;
  /** `nextCursor` of an earlier page of the same query. */
  readonly cursor?: string;
}

/** Newest candle first. */
export interface SignalPage {
  readonly items: readonly SignalRecord[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** How often signals reached a status since the start. */
export interface SignalCount {
  readonly analyzer: string;
  readonly direction: Direction;
  readonly status: SignalStatus;
  readonly count: number;
}

export interface SignalStats extends LogStats {
  readonly signals: readonly SignalCount[];
  /** Records in memory. */
  readonly records: number;
  readonly repeated: number;
  readonly stale: number;
  readonly amended: number;
  readonly revoked: number;
}

/** Of the files; counters are since the start. */
export interface LogStats {
  readonly files: number;
  readonly bytes: number;
  /** Lines written and on disk. */
  readonly written: number;
  /** Lines that wait for the disk. */
  readonly unsaved: number;
  /** How long the oldest of them has waited; 0 when none does. */
  readonly oldestUnsavedAgeMs: number;
  /** Lines given up because too many were waiting. */
  readonly refused: number;
  /** Why the disk does not take what waits (an errno code), null when nothing waits. */
  readonly failing: string | null;
  /** It is full: `failing` is ENOSPC or EDQUOT. */
  readonly diskFull: boolean;
  /** Failed writes and removals by errno code. */
  readonly writeErrors: Readonly<Record<string, number>>;
  /** Files that could not be read at the start, by errno code. */
  readonly readErrors: Readonly<Record<string, number>>;
  /** Lines met at the start that are not as they were written. */
  readonly damaged: number;
  /** Lines met at the start that were never written to their end, and so never acknowledged. */
  readonly torn: number;
}

/**
 * What an operator should hear of:
 * `torn`, `damaged`, `unreadable` what was met at the start · `unwritable` the disk began to fail · `recovered` it took
 * what had waited · `refused` lines were given up.
 */
export interface SignalNotice {
  readonly kind: 'torn' | 'damaged' | 'unreadable' | 'unwritable' | 'recovered' | 'refused';
  readonly detail: string;
}

/**
 * Where signals live. One process writes; whoever speaks of a signal to others does so from a report, after `publish`.
 */
export interface SignalStore {
  /**
   * Applies an update; updates are applied one at a time, in the order of the calls. When it resolves, the changes can be
   * queried, and those of confirmed signals are on disk if `saved` says so. A failing disk does not make it reject; a
   * finding on a candle that the update does not name (`RangeError`) and a closed store do.
   */
  publish(update: SignalUpdate): Promise<PublishReport>;
  /** Throws a `QueryError` when the limit or the cursor is none. */
  query(query: SignalQuery): SignalPage;
  get(id: string): SignalRecord | null;
  stats(): SignalStats;
  /** Tries now to write what waits; resolves with whether nothing waits any more. */
  flush(): Promise<boolean>;
  /** Waits for what was published, tries once more to write what waits, and leaves no timer. Idempotent. */
  close(): Promise<void>;
}

import type { Refusal } from '../domain/candle.js';
import type { Series } from '../domain/series.js';
import type { Slot } from '../domain/slot.js';
import type { Timeframe } from '../domain/timeframe.js';

/** Names one series. */
export interface SeriesKey {
  readonly symbol: string;
  readonly timeframe: Timeframe;
}

/** Holds the series of the whole market by key. */
export interface SeriesStore {
  get(key: SeriesKey): Series | undefined;
  set(series: Series): void;
  /** A cycle is about to use the series, whether it is held or not. */
  touch?(key: SeriesKey): void;
}

/** Why a series could not be brought to the slot. */
export type SkipReason = 'warmup' | 'gap' | 'stale' | 'rejected' | 'delisted' | 'timeout' | 'budget';

/** What a source did for one series. */
export interface SeriesOutcome extends SeriesKey {
  /** Candles that came from this source. */
  readonly added: number;
  readonly revised: number;
  readonly refused: ReadonlyMap<Refusal, number>;
  /** Why the series does not end at the slot, or null when it does. */
  readonly skip: SkipReason | null;
  /** A hole in what came: closed by asking again, or there to stay. */
  readonly gap: 'none' | 'repaired' | 'unrepaired';
  /** Why only the newest run of candles is held: a hole or a bad row before it. */
  readonly cutBy: 'gap' | 'rejected' | null;
}

/** The outcome for a series of which nothing came and nothing is missing. */
export const NOTHING_CAME: Omit<SeriesOutcome, keyof SeriesKey> = {
  added: 0,
  revised: 0,
  refused: new Map(),
  skip: null,
  gap: 'none',
  cutBy: null,
};

/**
 * One way to candles. The pipeline asks its sources in order, each only for what the earlier ones left missing.
 * `fill` writes to the store, settles when it can do no more, gives one outcome per wanted series, and rejects only
 * when there is no point in asking for anything else.
 */
export interface CandleSource {
  readonly name: 'history' | 'stream' | 'rest';
  fill(wanted: readonly SeriesKey[], slot: Slot, signal: AbortSignal): Promise<readonly SeriesOutcome[]>;
}

import { timeframeMs } from '../domain/timeframe.js';
import type { Candle, SignalRecord } from './contract.js';
import { isKept } from './lifecycle.js';

/** A signal's place in the order of all: by the close of its candle, then by its first publication. It never changes. */
export type Position = Pick<SignalRecord, 'candleCloseTime' | 'publishedAt' | 'id'>;

/** Times the capacity: what may be held when even signals of newest candles are that many. */
const MOST_CURRENT = 4;

export function candleKey({ symbol, timeframe, candleCloseTime }: Candle): string {
  return `${candleCloseTime}|${timeframe}|${symbol}`;
}

export function comparePositions(a: Position, b: Position): number {
  return a.candleCloseTime - b.candleCloseTime || a.publishedAt - b.publishedAt || (a.id < b.id ? -1 : +(a.id > b.id));
}

/** Whether a newer candle of the same timeframe has closed by `time`, so that nothing is normally said about this one. */
export function isSuperseded({ candleCloseTime, timeframe }: Candle, time: number): boolean {
  return candleCloseTime + timeframeMs(timeframe) <= time;
}

/**
 * The newest signals. Beyond the capacity the oldest leave, but none whose candle is still the newest of its timeframe:
 * a daily signal outlives many of five minutes, because the next look at its candle must find it known.
 */
export class SignalMemory {
  readonly #capacity: number;
  /** Ascending by position. */
  #ordered: SignalRecord[] = [];
  readonly #byId = new Map<string, SignalRecord>();
  readonly #idsByCandle = new Map<string, Set<string>>();
  /** The newest candle close of the kept signals that have left, epoch ms. */
  #leftUntil = Number.NEGATIVE_INFINITY;

  /** Starts with `records`, in any order, each id once. */
  constructor(capacity: number, records: Iterable<SignalRecord> = []) {
    this.#capacity = capacity;
    for (const record of records) {
      this.#ordered.push(record);
      this.#index(record);
    }
    this.#ordered.sort(comparePositions);
    this.trim();
  }

  get size(): number {
    return this.#ordered.length;
  }

  get(id: string): SignalRecord | null {
    return this.#byId.get(id) ?? null;
  }

  onCandle(candle: string): SignalRecord[] {
    return [...(this.#idsByCandle.get(candle) ?? [])].map((id) => this.#byId.get(id) as SignalRecord);
  }

  /** Whether a signal of this candle that is not known may have been published before and have left since. */
  mayHaveLeft(candle: Candle): boolean {
    return candle.candleCloseTime <= this.#leftUntil && isSuperseded(candle, this.#newestClose);
  }

  /** Adds a record or replaces the one with its id. */
  put(record: SignalRecord): void {
    const at = this.#indexOf(record);
    this.#ordered.splice(at, this.#byId.has(record.id) ? 1 : 0, record);
    this.#index(record);
  }

  /** Newest first; only what comes after `position` in that order when one is given. */
  *newestFirst(position?: Position): Generator<SignalRecord> {
    let index = position === undefined ? this.#ordered.length : this.#indexOf(position);
    while (index > 0) {
      index -= 1;
      yield this.#ordered[index] as SignalRecord;
    }
  }

  /** Lets go of what is beyond the capacity. */
  trim(): void {
    let excess = this.#ordered.length - this.#capacity;
    if (excess <= 0) return;
    const surplus = this.#ordered.length - this.#capacity * MOST_CURRENT;
    const newest = this.#newestClose;
    this.#ordered = this.#ordered.filter((record, index) => {
      if (excess === 0 || (index >= surplus && !isSuperseded(record, newest))) return true;
      excess -= 1;
      this.#forget(record);
      return false;
    });
  }

  get #newestClose(): number {
    return this.#ordered.at(-1)?.candleCloseTime ?? Number.NEGATIVE_INFINITY;
  }

  /** The index of the first record that does not come before `position`. */
  #indexOf(position: Position): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePositions(this.#ordered[middle] as SignalRecord, position) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #index(record: SignalRecord): void {
    this.#byId.set(record.id, record);
    const key = candleKey(record);
    const ids = this.#idsByCandle.get(key);
    if (ids === undefined) this.#idsByCandle.set(key, new Set([record.id]));
    else ids.add(record.id);
  }

  #forget(record: SignalRecord): void {
    this.#byId.delete(record.id);
    const key = candleKey(record);
    const ids = this.#idsByCandle.get(key);
    ids?.delete(record.id);
    if (ids?.size === 0) this.#idsByCandle.delete(key);
    if (isKept(record)) this.#leftUntil = Math.max(this.#leftUntil, record.candleCloseTime);
  }
}

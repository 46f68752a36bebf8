import type { Random } from '../../lib/random.js';
import { backoffMs } from '../backoff.js';
import type { SeriesKey } from '../source.js';

/** A series on its way to its lookback. */
export interface Task {
  readonly key: SeriesKey;
  /** Replies in a row that were of no use. */
  failures: number;
  /** Monotonic ms. */
  notBeforeMs: number;
  /** Nobody wants the series any more: what is under way for it must not be used. */
  forgotten: boolean;
}

const MOST_FAILURES = 5;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 600_000;

/** Series to deepen, in order, each once, and those that must not be asked for again. Bounded by the series that exist. */
export class DeepeningQueue {
  readonly #random: Random;
  readonly #underWay = new Map<string, Task>();
  /** With the open time of the oldest candle that the exchange has. */
  readonly #exhausted = new Map<string, number | null>();
  readonly #givenUp = new Set<string>();
  #due = new Map<string, Task>();

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#due.size;
  }

  get exhausted(): number {
    return this.#exhausted.size;
  }

  /** Whether asking for more of a series whose oldest candle opened at `firstOpenTime` can be of use. */
  mayAsk(key: SeriesKey, firstOpenTime: number | null): boolean {
    const text = keyText(key);
    return !this.#givenUp.has(text) && (!this.#exhausted.has(text) || this.#exhausted.get(text) !== firstOpenTime);
  }

  /** Goes before everything else, in the order given; what is under way is left out. */
  putFirst(keys: readonly SeriesKey[]): void {
    const due = new Map<string, Task>();
    for (const key of keys) {
      const text = keyText(key);
      if (this.#underWay.has(text)) continue;
      due.set(text, this.#due.get(text) ?? { key, failures: 0, notBeforeMs: 0, forgotten: false });
    }
    for (const [text, task] of this.#due) if (!due.has(text)) due.set(text, task);
    this.#due = due;
  }

  /** The first task that may be taken at `nowMs`, or from when on there is one; null when nothing is due at all. */
  next(nowMs: number): { readonly task: Task } | { readonly fromMs: number } | null {
    let fromMs = Number.POSITIVE_INFINITY;
    for (const task of this.#due.values()) {
      if (task.notBeforeMs <= nowMs) return { task };
      fromMs = Math.min(fromMs, task.notBeforeMs);
    }
    return fromMs === Number.POSITIVE_INFINITY ? null : { fromMs };
  }

  drop(task: Task): void {
    this.#due.delete(keyText(task.key));
  }

  take(task: Task): void {
    this.drop(task);
    this.#underWay.set(keyText(task.key), task);
  }

  /** It is no longer under way; unless something else is said of it, it is done. */
  landed(task: Task): void {
    const text = keyText(task.key);
    if (this.#underWay.get(text) === task) this.#underWay.delete(text);
  }

  /** It was not its fault: it keeps its place at the head. */
  putBack(task: Task): void {
    this.#due = new Map([[keyText(task.key), task], ...this.#due]);
  }

  /** There is more to ask, after the others. */
  append(task: Task): void {
    task.failures = 0;
    this.#due.set(keyText(task.key), task);
  }

  /** A reply was of no use. False when it was one too many and the series is given up. */
  retryLater(task: Task, nowMs: number): boolean {
    task.failures += 1;
    if (task.failures === MOST_FAILURES) {
      this.#givenUp.add(keyText(task.key));
      return false;
    }
    task.notBeforeMs = nowMs + backoffMs(task.failures, FIRST_WAIT_MS, LONGEST_WAIT_MS, this.#random);
    this.#due.set(keyText(task.key), task);
    return true;
  }

  setExhausted({ key }: Task, firstOpenTime: number | null): void {
    this.#exhausted.set(keyText(key), firstOpenTime);
  }

  /** Nothing of the symbol is due or known any more. */
  forget(symbol: string): void {
    for (const tasks of [this.#due, this.#underWay]) {
      for (const [text, task] of tasks) {
        if (task.key.symbol !== symbol) continue;
        task.forgotten = true;
        tasks.delete(text);
      }
    }
    for (const known of [this.#exhausted, this.#givenUp]) {
      for (const text of known.keys()) if (text.startsWith(`${symbol}@`)) known.delete(text);
    }
  }

  clear(): void {
    this.#due.clear();
  }
}

function keyText({ symbol, timeframe }: SeriesKey): string {
  return `${symbol}@${timeframe}`;
}

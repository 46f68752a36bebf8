import type { Cancel, Clock } from '../../src/lib/clock.js';

/** In ms, to let pass. */
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Lets everything that is ready run: promise callbacks, and the I/O callbacks of one turn of the event loop. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets every promise callback run, and those that they lead to. Enough, and much faster, where nothing does real I/O. */
export function drained(): Promise<void> {
  // Node runs the ticks when the queue of promise callbacks is empty.
  return new Promise((resolve) => process.nextTick(resolve));
}

/** A clock that moves only when told. Timers fire in order of their due time, each seeing the time it was due. */
export class FakeClock implements Clock {
  /** The next one to fire is the last; of those due at one time the oldest is. */
  readonly #timers: Timer[] = [];
  readonly #settle: () => Promise<void>;
  #nowMs: number;
  #monotonicMs = 0;

  /** `startMs` is the wall clock, epoch ms; `settle` lets the world go on after each timer. */
  constructor(startMs = Date.UTC(2026, 0, 1, 0, 0, 30), settle = settled) {
    this.#nowMs = startMs;
    this.#settle = settle;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  setTimer(delayMs: number, callback: () => void): Cancel {
    const timer: Timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), callback };
    this.#timers.splice(this.#firstDueBy(timer.dueMs), 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  /** Timers that were set and neither fired nor were cancelled. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Moves the wall clock and nothing else, as an operator or NTP does. */
  jump(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Lets `byMs` pass while no timer can fire, as when the process is stopped; those due fire with the next advance. */
  stall(byMs: number): void {
    this.#moveTo(this.#monotonicMs + byMs);
  }

  /** Lets `byMs` pass, firing every timer that falls due on the way, those set meanwhile included. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#monotonicMs + byMs;
    await this.#settle();
    for (let timer = this.#timers.at(-1); timer !== undefined && timer.dueMs <= untilMs; timer = this.#timers.at(-1)) {
      this.#timers.pop();
      this.#moveTo(timer.dueMs);
      timer.callback();
      await this.#settle();
    }
    this.#moveTo(untilMs);
    await this.#settle();
  }

  /** Where the timers begin that are due by `dueMs`, by binary search. */
  #firstDueBy(dueMs: number): number {
    let from = 0;
    let to = this.#timers.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#timers[middle] as Timer).dueMs <= dueMs) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  #moveTo(monotonicMs: number): void {
    if (monotonicMs <= this.#monotonicMs) return;
    this.#nowMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

import type { Cancel, Clock } from '../../src/lib/clock.js';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Lets everything that is ready run: promise callbacks, and the I/O callbacks of one turn of the event loop. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that moves only when told. Timers fire in order of their due time, each seeing the time it was due. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs: number;
  #monotonicMs = 0;

  /** `startMs` is the wall clock, epoch ms. */
  constructor(startMs = Date.UTC(2026, 0, 1, 0, 0, 30)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  setTimer(delayMs: number, callback: () => void): Cancel {
    const timer: Timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that were set and neither fired nor were cancelled. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves the wall clock and nothing else, as an operator or NTP does. */
  jump(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Lets `byMs` pass, firing every timer that falls due on the way, those set meanwhile included. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#monotonicMs + byMs;
    await settled();
    for (let timer = this.#nextDue(untilMs); timer !== undefined; timer = this.#nextDue(untilMs)) {
      this.#timers.delete(timer);
      this.#moveTo(timer.dueMs);
      timer.callback();
      await settled();
    }
    this.#moveTo(untilMs);
    await settled();
  }

  #nextDue(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  #moveTo(monotonicMs: number): void {
    if (monotonicMs <= this.#monotonicMs) return;
    this.#nowMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

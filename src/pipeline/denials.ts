import type { Exclusion, Universe } from './universe.js';

/** A list may lag behind the stream and the other endpoints by this much. */
const FIRST_HOLD_MS = 5 * 60_000;
const LONGEST_HOLD_MS = 24 * 3_600_000;

interface Denial {
  readonly exclusion: Exclusion;
  /** Monotonic ms. */
  readonly untilMs: number;
  readonly times: number;
}

/**
 * Symbols that something fresher than the list of markets has called dead. Each is held out until the list says so too or
 * its time is over; one that is denied again and again is held out longer each time, so that a list and an endpoint which
 * contradict each other do not make it come and go.
 */
export class Denials {
  readonly #bySymbol = new Map<string, Denial>();

  deny(exclusion: Exclusion, nowMs: number): void {
    const times = this.#bySymbol.get(exclusion.symbol)?.times ?? 0;
    const holdMs = Math.min(LONGEST_HOLD_MS, FIRST_HOLD_MS * 2 ** times);
    this.#bySymbol.set(exclusion.symbol, { exclusion, untilMs: nowMs + holdMs, times: times + 1 });
  }

  /** Whether there was something to lift. */
  lift(symbol: string): boolean {
    return this.#bySymbol.delete(symbol);
  }

  /** What is held out now. */
  active(nowMs: number): Exclusion[] {
    return [...this.#bySymbol.values()].filter(({ untilMs }) => nowMs < untilMs).map(({ exclusion }) => exclusion);
  }

  /** Forgets the symbols that the list leaves out by itself, and those that have been trusted again for long enough. */
  confirmedBy(selected: Universe, nowMs: number): void {
    const listed = new Set(selected.instruments.map(({ symbol }) => symbol));
    for (const [symbol, { untilMs }] of this.#bySymbol) {
      if (!listed.has(symbol) || nowMs >= untilMs + LONGEST_HOLD_MS) this.#bySymbol.delete(symbol);
    }
  }
}

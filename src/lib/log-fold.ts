import type { Cancel, Clock } from './clock.js';

/** Writes the line that stands for `repeated` occurrences. */
export type WriteFolded = (repeated: number) => void;

export interface FoldOptions {
  readonly clock: Clock;
  readonly windowMs?: number;
  /** Keys remembered at once; one more, and the oldest is written and forgotten. */
  readonly maxKeys?: number;
}

interface Window {
  readonly endsAtMs: number;
  held: number;
  write: WriteFolded | null;
}

/**
 * Lets the first occurrence of a key through and counts the others; what was counted is written once per window, for as
 * long as it goes on. Every occurrence is either let through or in exactly one written count.
 */
export class Fold {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxKeys: number;
  /** Windows are of one length, so the first to end is the first in the map. */
  readonly #windows = new Map<string, Window>();
  #cancelTimer: Cancel | null = null;
  #folded = 0;
  #closed = false;

  constructor({ clock, windowMs = 60_000, maxKeys = 512 }: FoldOptions) {
    if (!(windowMs > 0)) throw new RangeError(`windowMs: found ${windowMs}, allowed a number above 0`);
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
      throw new RangeError(`maxKeys: found ${maxKeys}, allowed a whole number from 1`);
    }
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
  }

  /** Occurrences that were counted instead of being let through. */
  get folded(): number {
    return this.#folded;
  }

  /** Whether to write this occurrence now. Otherwise it is counted, and the first of a window prepares what is written for it. */
  pass(key: string, prepare: () => WriteFolded): boolean {
    if (this.#closed) return true;
    const window = this.#windows.get(key);
    if (window === undefined) {
      if (this.#windows.size >= this.#maxKeys) this.#forgetOldest();
      this.#open(key);
      return true;
    }
    window.write ??= prepare();
    window.held += 1;
    this.#folded += 1;
    return false;
  }

  /** Writes all counts now; what is counted afterwards waits for the end of the window as before. */
  flush(): void {
    for (const window of this.#windows.values()) writeHeld(window);
  }

  /** Writes all counts; from now on everything is let through. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.flush();
    this.#windows.clear();
  }

  #open(key: string): void {
    this.#windows.set(key, { endsAtMs: this.#clock.monotonic() + this.#windowMs, held: 0, write: null });
    if (this.#cancelTimer === null) this.#arm();
  }

  #forgetOldest(): void {
    for (const [key, window] of this.#windows) {
      this.#windows.delete(key);
      return writeHeld(window);
    }
  }

  #arm(): void {
    for (const { endsAtMs } of this.#windows.values()) {
      this.#cancelTimer = this.#clock.setTimer(endsAtMs - this.#clock.monotonic(), () => this.#endWindows());
      return;
    }
  }

  #endWindows(): void {
    // Taken before anything is written: opening a window must not set a second timer.
    const nowMs = this.#clock.monotonic();
    const ended = [...this.#windows].filter(([, { endsAtMs }]) => endsAtMs <= nowMs);
    for (const [key, window] of ended) {
      this.#windows.delete(key);
      if (window.held === 0) continue;
      this.#open(key);
      writeHeld(window);
    }
    this.#cancelTimer = null;
    if (!this.#closed) this.#arm();
  }
}

function writeHeld(window: Window): void {
  const { held, write } = window;
  window.held = 0;
  window.write = null;
  if (held > 0) write?.(held);
}

import type { Scratch } from './contract.js';

interface Slot {
  readonly buffer: Float64Array;
  /** The first rows of the buffer, as long as was last asked for. */
  column: Float64Array;
}

/**
 * Columns handed out in order and taken back all at once, newest first. A slot keeps its buffer, so that after the
 * first series nothing is allocated as long as the series are not longer than any before.
 */
export class ScratchArena implements Scratch {
  readonly #slots: Slot[] = [];
  #taken = 0;

  /** A column with whatever it held before; valid until it is released. */
  take(length: number): Float64Array {
    const index = this.#taken++;
    const slot = this.#slots[index];
    if (slot === undefined || slot.buffer.length < length) {
      const buffer = new Float64Array(length);
      this.#slots[index] = { buffer, column: buffer };
      return buffer;
    }
    if (slot.column.length !== length) slot.column = slot.buffer.subarray(0, length);
    return slot.column;
  }

  /** What has been taken so far, for `release`. */
  mark(): number {
    return this.#taken;
  }

  /** Takes back every column handed out since `mark`. */
  release(mark: number): void {
    this.#taken = mark;
  }

  /** Takes back every column. */
  reset(): void {
    this.#taken = 0;
  }
}

export function createScratch(): ScratchArena {
  return new ScratchArena();
}

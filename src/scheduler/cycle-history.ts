const CAPACITY = 500;

/** The newest summaries of cycles, so many and no more. */
export class CycleHistory<T> {
  readonly #capacity: number;
  /** Oldest first. */
  readonly #items: T[] = [];

  constructor(capacity: number = CAPACITY) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`a history holds a whole number of items from 1, not ${capacity}`);
    }
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
    if (this.#items.length > this.#capacity) this.#items.shift();
  }

  /** Newest first, `limit` of them at most. */
  list(limit: number = this.#capacity): readonly T[] {
    if (!(limit >= 0)) throw new RangeError(`limit must be 0 or more, not ${limit}`);
    return this.#items.toReversed().slice(0, limit);
  }
}

import { LRUCache } from 'lru-cache';
import type { L1Stats } from './contract.js';

export interface L1Options<V> {
  readonly maxBytes: number;
  readonly sizeOf: (value: V) => number;
}

/** Values in memory, least recently used out first, bounded in bytes; loads of one key share one flight. */
export class L1<V extends object> {
  readonly #sizeOf: (value: V) => number;
  #values: LRUCache<string, V>;
  readonly #flights = new Map<string, Promise<V | null>>();
  #hits = 0;
  #misses = 0;
  #stale = 0;
  #errors = 0;
  #evictions = 0;

  constructor({ maxBytes, sizeOf }: L1Options<V>) {
    this.#sizeOf = sizeOf;
    this.#values = this.#bounded(maxBytes);
  }

  /** From now on at most this many bytes; what no longer fits goes, least recently used first. */
  resize(maxBytes: number): void {
    if (maxBytes === this.#values.maxSize) return;
    const resized = this.#bounded(maxBytes);
    resized.load(this.#values.dump());
    this.#values = resized;
  }

  /** The value, counted as a hit or a miss; one that `usable` turns down is dropped and counted as stale. */
  get(key: string, usable: (value: V) => boolean = () => true): V | null {
    const value = this.#values.get(key);
    if (value === undefined) {
      this.#misses += 1;
      return null;
    }
    if (usable(value)) {
      this.#hits += 1;
      return value;
    }
    this.#stale += 1;
    this.#values.delete(key);
    return null;
  }

  /** The value without counting it and without making it more recent. */
  peek(key: string): V | null {
    return this.#values.peek(key) ?? null;
  }

  set(key: string, value: V): void {
    this.#values.set(key, value);
  }

  /** The value may have another size than when it was set; one that has is used recently from now on. */
  remeasure(key: string): void {
    const value = this.#values.peek(key);
    if (value === undefined || this.#values.info(key)?.size === this.#sizeOf(value)) return;
    // The same value set again would keep its size.
    this.#values.delete(key);
    this.#values.set(key, value);
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  /** Keeps a value that was read elsewhere, unless a newer one was set meanwhile; returns the one that stays. */
  setIfAbsent(key: string, value: V): V {
    const held = this.#values.peek(key);
    if (held !== undefined) return held;
    this.#values.set(key, value);
    return value;
  }

  /**
   * What `loader` gives for a key that is not here, and keeps it. Concurrent calls for a key share one load. A value
   * that was set while the load ran stays and is returned; a load that rejects rejects for all and is forgotten.
   */
  load(key: string, loader: () => Promise<V | null>): Promise<V | null> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = this.#fly(key, loader).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  /** Every value with its key, most recently used first. */
  entries(): Iterable<[string, V]> {
    return this.#values.entries();
  }

  stats(): L1Stats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      stale: this.#stale,
      errors: this.#errors,
      entries: this.#values.size,
      bytes: this.#values.calculatedSize,
      evictions: this.#evictions,
    };
  }

  #bounded(maxBytes: number): LRUCache<string, V> {
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
      throw new RangeError(`maxBytes must be a whole number of at least 1, not ${maxBytes}`);
    }
    return new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: this.#sizeOf,
      dispose: (_value, _key, reason) => {
        if (reason === 'evict') this.#evictions += 1;
      },
    });
  }

  async #fly(key: string, loader: () => Promise<V | null>): Promise<V | null> {
    try {
      const value = await loader();
      return value === null ? this.peek(key) : this.setIfAbsent(key, value);
    } catch (error) {
      this.#errors += 1;
      throw error;
    }
  }
}

/**
 * Which shard carries which key. Stable: adding keys moves none that are placed, removing keys moves none, and a key moves only
 * when asked to. New keys go to the emptiest shard, and as few shards are opened as can hold all keys.
 */
export class Placement {
  readonly #capacity: number;
  readonly #shardOf = new Map<string, number>();
  readonly #sizes = new Map<number, number>();
  #nextShard = 0;

  /** `capacity`: the most keys of one shard. */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new RangeError(`capacity must be at least 1, not ${capacity}`);
    this.#capacity = capacity;
  }

  get keys(): IterableIterator<string> {
    return this.#shardOf.keys();
  }

  /** The shards that hold at least one key, in the order of their opening. */
  get shards(): readonly number[] {
    return [...this.#sizes.keys()];
  }

  shardOf(key: string): number | undefined {
    return this.#shardOf.get(key);
  }

  /** Places the keys that are not placed yet. */
  add(keys: Iterable<string>): void {
    const fresh = [...new Set(keys)].filter((key) => !this.#shardOf.has(key));
    const needed = Math.ceil((this.#shardOf.size + fresh.length) / this.#capacity);
    while (this.#sizes.size < needed) this.#sizes.set(this.#nextShard++, 0);
    for (const key of fresh) this.#put(key, this.#emptiest() as number);
  }

  /** Returns the shard that held the key; a shard that holds none any more is gone. */
  remove(key: string): number | undefined {
    const shard = this.#shardOf.get(key);
    if (shard === undefined) return undefined;
    this.#shardOf.delete(key);
    const left = (this.#sizes.get(shard) as number) - 1;
    if (left === 0) this.#sizes.delete(shard);
    else this.#sizes.set(shard, left);
    return shard;
  }

  /** Moves a key to the emptiest other shard with room; returns that shard, or null when there is none. */
  move(key: string): number | null {
    const from = this.#shardOf.get(key);
    if (from === undefined || this.#sizes.get(from) === 1) return null;
    const to = this.#emptiest(from);
    if (to === undefined || (this.#sizes.get(to) as number) >= this.#capacity) return null;
    this.remove(key);
    this.#put(key, to);
    return to;
  }

  #put(key: string, shard: number): void {
    this.#shardOf.set(key, shard);
    this.#sizes.set(shard, (this.#sizes.get(shard) ?? 0) + 1);
  }

  #emptiest(except?: number): number | undefined {
    let emptiest: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [shard, size] of this.#sizes) {
      if (shard === except || size >= least) continue;
      emptiest = shard;
      least = size;
    }
    return emptiest;
  }
}

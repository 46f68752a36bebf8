import { Placement } from './placement.js';
import type { Shard } from './shard.js';

export interface FleetOptions {
  /** The most symbols of one connection. */
  readonly streamsPerConnection: number;
  readonly openShard: () => Shard;
}

/** All shards, and which symbol lives on which. */
export class Fleet {
  readonly #openShard: () => Shard;
  readonly #placement: Placement;
  readonly #shards = new Map<number, Shard>();
  /** Shards given up, until their sockets are gone. */
  readonly #stopping = new Set<Promise<void>>();
  #contractInfoShard: Shard | undefined;
  #started = false;

  constructor({ streamsPerConnection, openShard }: FleetOptions) {
    this.#openShard = openShard;
    this.#placement = new Placement(streamsPerConnection);
  }

  /** Connections that are wanted. */
  get size(): number {
    return this.#shards.size;
  }

  start(): void {
    this.#started = true;
    for (const shard of this.#shards.values()) shard.start();
  }

  /** Resolves when every socket is gone. */
  async stop(): Promise<void> {
    for (const index of this.#shards.keys()) this.#close(index);
    await Promise.all(this.#stopping);
  }

  /** Drops and adds symbols; those that stay keep their connection, and a shard left empty is closed. */
  change(removed: Iterable<string>, added: readonly string[]): void {
    for (const symbol of removed) {
      const index = this.#placement.remove(symbol);
      if (index !== undefined) this.#shards.get(index)?.remove(symbol);
    }
    this.#placement.add(added);
    for (const symbol of added) this.#shardOf(symbol).add(symbol);
    const used = new Set(this.#placement.shards);
    for (const index of this.#shards.keys()) if (!used.has(index)) this.#close(index);
    this.#placeContractInfo();
    if (this.#started) this.start();
  }

  /** True when the symbol's stream was asked for before `time` (epoch ms) on the connection in use. */
  wasSentBefore(symbol: string, time: number): boolean {
    return this.#shardOf(symbol).wasSentBefore(symbol, time);
  }

  /** Subscribes streams again where they are. */
  renew(symbols: Iterable<string>): void {
    const groups = new Map<Shard, string[]>();
    for (const symbol of symbols) {
      const shard = this.#shardOf(symbol);
      groups.set(shard, [...(groups.get(shard) ?? []), symbol]);
    }
    for (const [shard, group] of groups) shard.renew(group);
  }

  /** Subscribes a stream on another connection, or again where it is when no other has room. */
  move(symbol: string): void {
    const from = this.#shardOf(symbol);
    if (this.#placement.move(symbol) === null) return from.renew([symbol]);
    from.remove(symbol);
    this.#shardOf(symbol).add(symbol);
  }

  rotateIfDue(): void {
    for (const shard of this.#shards.values()) shard.rotateIfDue();
  }

  /** Adds up connections and streams by state. */
  countInto(connections: Record<string, number>, streams: Record<string, number>): void {
    for (const shard of this.#shards.values()) shard.countInto(connections, streams);
  }

  /** The shard of a placed symbol. */
  #shardOf(symbol: string): Shard {
    const index = this.#placement.shardOf(symbol);
    if (index === undefined) throw new RangeError(`${symbol} is on no connection`);
    const known = this.#shards.get(index);
    if (known !== undefined) return known;
    const shard = this.#openShard();
    this.#shards.set(index, shard);
    return shard;
  }

  #close(index: number): void {
    const shard = this.#shards.get(index);
    if (shard === undefined) return;
    this.#shards.delete(index);
    if (shard === this.#contractInfoShard) this.#contractInfoShard = undefined;
    const stopping = shard.stop().finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }

  /** One connection hears about contracts, besides the klines that its capacity is counted in. */
  #placeContractInfo(): void {
    if (this.#contractInfoShard !== undefined) return;
    [this.#contractInfoShard] = this.#shards.values();
    this.#contractInfoShard?.hearContractInfo();
  }
}

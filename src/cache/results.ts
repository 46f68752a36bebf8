import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { columnsOf, type SeriesWindow } from '../domain/series.js';

/** Everything but the candles that an analyzer's result depends on. */
export interface Lineage {
  readonly analyzer: string;
  readonly version: string;
  readonly parameters: Readonly<Record<string, number>>;
  /** Digests of the lineages of the analyzers it depends on; their order does not matter. */
  readonly dependencies: readonly string[];
}

/** SHA-256 (hex, 32 characters) of a lineage; equal for equal content whatever the order of parameters. */
export function lineageDigest({ analyzer, version, parameters, dependencies }: Lineage): string {
  const sorted = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  // JSON has no NaN, Infinity and -0; as text they stay distinct.
  const named = sorted.map(([name, value]) => [name, Object.is(value, -0) ? '-0' : String(value)]);
  return sha256(JSON.stringify([analyzer, version, named, [...dependencies].sort()]));
}

/** Rows of a buffer never change, so the digest of a window is kept until a newer window of its buffer is asked for. */
const digests = new WeakMap<SharedArrayBuffer, { readonly range: string; readonly digest: string }>();

/**
 * SHA-256 (hex, 32 characters) of the candles of a window: symbol, timeframe and the six columns. Their sources are
 * left out: the same candle from elsewhere gives the same result.
 */
export function windowDigest(window: SeriesWindow): string {
  const { symbol, timeframe, buffer, start, length } = window;
  const range = `${start}+${length}`;
  const held = digests.get(buffer);
  if (held?.range === range) return held.digest;
  const { source: _, ...columns } = columnsOf(window);
  const hash = createHash('sha256').update(JSON.stringify([symbol, timeframe, length]));
  // `update` refuses shared memory, hence the copies; `slice` makes them without an iterator.
  for (const column of Object.values(columns)) hash.update(column.slice());
  const digest = hash.digest('hex').slice(0, 32);
  digests.set(buffer, { range, digest });
  return digest;
}

export interface ResultCacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
}

/** Results of analyzers in memory by what they follow from, least recently used out first. */
export class ResultCache<T extends object> {
  readonly #results: LRUCache<string, T>;
  #hits = 0;
  #misses = 0;

  constructor({ maxEntries }: { readonly maxEntries: number }) {
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new RangeError(`maxEntries must be a whole number of at least 1, not ${maxEntries}`);
    }
    this.#results = new LRUCache({ max: maxEntries });
  }

  /** The result of the analyzer with this lineage for these candles, or null when it must be computed. */
  get(lineage: string, windows: readonly SeriesWindow[]): T | null {
    const result = this.#results.get(resultKey(lineage, windows)) ?? null;
    if (result === null) this.#misses += 1;
    else this.#hits += 1;
    return result;
  }

  set(lineage: string, windows: readonly SeriesWindow[], result: T): void {
    this.#results.set(resultKey(lineage, windows), result);
  }

  clear(): void {
    this.#results.clear();
  }

  stats(): ResultCacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#results.size };
  }
}

function resultKey(lineage: string, windows: readonly SeriesWindow[]): string {
  return [lineage, ...windows.map(windowDigest)].join(' ');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

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

/** One count per input: a result of several series may be known in parts. */
export interface ResultCacheStats {
  readonly hits: number;
  readonly misses: number;
  /** Subjects. */
  readonly entries: number;
}

/** What was said last of a subject, and what that followed from. */
export interface KnownResult<T> {
  /** Digests of the candles that were looked at. */
  readonly inputs: readonly string[];
  readonly result: T;
}

interface Entry<T> extends KnownResult<T> {
  readonly lineage: string;
}

/** The newest result of each subject in memory, least recently used out first. */
export class ResultCache<T extends object> {
  readonly #results: LRUCache<string, Entry<T>>;
  #hits = 0;
  #misses = 0;

  constructor({ maxEntries }: { readonly maxEntries: number }) {
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new RangeError(`maxEntries must be a whole number of at least 1, not ${maxEntries}`);
    }
    this.#results = new LRUCache({ max: maxEntries });
  }

  /**
   * What analyzers of this lineage said last of a subject, with which of these inputs it followed from; null when they
   * were not asked about as many.
   */
  get(
    subject: string,
    lineage: string,
    inputs: readonly string[],
  ): { readonly result: T; readonly same: readonly boolean[] } | null {
    const entry = this.#results.get(subject);
    if (entry?.lineage !== lineage || entry.inputs.length !== inputs.length) {
      this.#misses += inputs.length;
      return null;
    }
    const same = inputs.map((input, index) => entry.inputs[index] === input);
    const hits = same.filter(Boolean).length;
    this.#hits += hits;
    this.#misses += inputs.length - hits;
    return { result: entry.result, same };
  }

  set(subject: string, lineage: string, { inputs, result }: KnownResult<T>): void {
    this.#results.set(subject, { lineage, inputs, result });
  }

  /** All that is held of a lineage, by subject. */
  entries(lineage: string): Map<string, KnownResult<T>> {
    const own = [...this.#results.entries()].filter(([, entry]) => entry.lineage === lineage);
    return new Map(own.map(([subject, { inputs, result }]) => [subject, { inputs, result }]));
  }

  clear(): void {
    this.#results.clear();
  }

  stats(): ResultCacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#results.size };
  }
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 32);
}

import type { CacheObject } from 'cacache';
import type { SegmentHeader } from './codec/segment.js';
import { isResultsKey, segmentTimeframe } from './keys.js';

/** What is known of a segment without reading it. */
export interface StoredSegment extends SegmentHeader {
  readonly integrity: string;
  readonly path: string;
  readonly size: number;
  /** Names of its records: symbols, in a segment of series. */
  readonly symbols: readonly string[];
}

/** The part of a stored segment that travels in the index line. */
export function segmentMetadata({ sequence, writtenAt }: SegmentHeader, symbols: readonly string[]): object {
  return { sequence, writtenAt, symbols };
}

/** A line of cacache's index as a stored segment, or null when it is none of ours. */
export function parseEntry({ key, integrity, path, size, metadata }: CacheObject): StoredSegment | null {
  if (segmentTimeframe(key) === null && !isResultsKey(key)) return null;
  if (typeof integrity !== 'string' || typeof size !== 'number') return null;
  const { sequence, writtenAt, symbols } = (metadata ?? {}) as Partial<Record<string, unknown>>;
  if (!Number.isSafeInteger(sequence) || !Number.isFinite(writtenAt) || !Array.isArray(symbols)) return null;
  return {
    key,
    integrity,
    path,
    size,
    sequence: sequence as number,
    writtenAt: writtenAt as number,
    symbols: symbols.map(String),
  };
}

/** Which segments are on disk. The process is the directory's only writer, so this is the truth until a read fails. */
export class Catalog {
  readonly #segments = new Map<string, StoredSegment>();
  #bytes = 0;

  get size(): number {
    return this.#segments.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): StoredSegment | undefined {
    return this.#segments.get(key);
  }

  values(): StoredSegment[] {
    return [...this.#segments.values()];
  }

  /** Last in, so that the order of the map stays the order of writing. */
  set(segment: StoredSegment): void {
    this.delete(segment.key);
    this.#segments.set(segment.key, segment);
    this.#bytes += segment.size;
  }

  delete(key: string): void {
    const segment = this.#segments.get(key);
    if (segment === undefined) return;
    this.#segments.delete(key);
    this.#bytes -= segment.size;
  }

  leastRecentlyWritten(): StoredSegment | undefined {
    return this.#segments.values().next().value;
  }
}

import { ByteReader, ByteWriter, MalformedBytes } from './codec/bytes.js';
import { resultsKey } from './keys.js';
import type { SegmentStore } from './l2.js';

const NAME = 'results';

export interface StoredResultsOptions {
  readonly store: SegmentStore;
  readonly exchange: string;
  /**
   * Names the code that the results follow from, to the byte: other code may say something else of the same candles,
   * whatever versions it gives itself. Null where that is not known: nothing is kept then.
   */
  readonly code: string | null;
}

/**
 * What analyzers said of the candles on disk, beside those and by the same rules: what fails a check is removed and
 * never served. `T` is what JSON can hold.
 */
export class StoredResults<T> {
  readonly #store: SegmentStore;
  readonly #key: string;
  readonly #code: string | null;

  constructor({ store, exchange, code }: StoredResultsOptions) {
    this.#store = store;
    this.#key = resultsKey(exchange);
    this.#code = code;
  }

  /** What was kept last, if it was by the same code; never rejects. */
  async read(): Promise<T | null> {
    if (this.#code === null) return null;
    const read = await this.#store.read(this.#key);
    const record = read.status === 'hit' ? read.segment.records.get(NAME) : undefined;
    return record === undefined ? null : (decode(record, this.#code) as T | null);
  }

  /** Replaces what was kept; never rejects. What cannot be written costs the next start some time. */
  async write(results: T): Promise<void> {
    if (this.#code === null) return;
    try {
      await this.#store.write(this.#key, new Map([[NAME, encode(results, this.#code)]]));
    } catch (error) {
      // Too large to be read back.
      if (!(error instanceof RangeError)) throw error;
    }
  }
}

function encode(results: unknown, code: string): Uint8Array {
  const json = Buffer.from(JSON.stringify(results));
  const writer = new ByteWriter(json.length + 256);
  writer.text(NAME);
  writer.text(code);
  writer.reserve(json.length).set(json);
  return writer.bytes();
}

/** Throws `MalformedBytes` for what is not a record of results. */
export function parseResults(record: Uint8Array): { readonly code: string; readonly results: unknown } {
  const reader = new ByteReader(record);
  reader.skipText();
  const code = reader.text();
  const json = Buffer.from(reader.take(reader.remaining)).toString();
  try {
    return { code, results: JSON.parse(json) as unknown };
  } catch {
    throw new MalformedBytes('not JSON');
  }
}

/** What the same code wrote is as it wrote it: the store has checked the bytes. */
function decode(record: Uint8Array, own: string): unknown {
  try {
    const { code, results } = parseResults(record);
    return code === own ? results : null;
  } catch (error) {
    if (error instanceof MalformedBytes) return null;
    throw error;
  }
}

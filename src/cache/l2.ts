import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { KeyedTasks } from '../lib/keyed-tasks.js';
import { Catalog, parseEntry, type StoredSegment, segmentMetadata } from './catalog.js';
import { decodeSegment, encodeSegment, type Segment, type SegmentHeader } from './codec/segment.js';
import { cacacheDisk, type Disk, errorCode } from './disk.js';
import { PatientReads } from './patient-reads.js';
import { type SweepReport, sweepFiles } from './sweep.js';

const HOUR_MS = 3_600_000;
/** Node has four threads for the file system, and unpacks replies on them too: a disk that hangs must leave one. */
const CHANGES_AT_ONCE = 3;
const TMP_MAX_AGE_MS = HOUR_MS;
const FIRST_BACKOFF_MS = 5_000;
const LONGEST_BACKOFF_MS = 300_000;
/** The process, the machine or the disk is short of something; the file itself is not to blame and stays. */
const PASSING_READ_ERRORS = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'ETIMEDOUT']);

export interface SegmentStoreOptions {
  readonly dir: string;
  readonly maxBytes: number;
  /** Segments written longer ago are not served and are removed; default 7 days. */
  readonly maxAgeMs?: number;
  readonly clock: Clock;
  readonly disk?: Disk;
}

/** `error` carries why: an errno code, `EINTEGRITY`, or a `SegmentDefect`. */
export type ReadResult =
  | { readonly status: 'hit'; readonly segment: Segment }
  | { readonly status: 'miss' | 'stale' }
  | { readonly status: 'error'; readonly reason: string };

/** `suspended`: not tried, because the disk failed a moment ago or hangs. */
export type WriteResult = 'written' | 'failed' | 'suspended';

export interface SegmentStoreStats {
  readonly entries: number;
  readonly bytes: number;
  readonly writes: number;
  readonly evictions: number;
  /** Segments that were removed because they could not be trusted, by reason. */
  readonly corrupt: Readonly<Record<string, number>>;
  /** Failed writes and removals by errno code. */
  readonly writeErrors: Readonly<Record<string, number>>;
}

/**
 * Segments on disk, over cacache. It adds what cacache does not do: a key holds one index line and one content file,
 * what cannot be trusted is removed so that the next write heals it, size and age are bounded, and a failing disk is
 * counted and left alone for a while instead of raising errors. Nothing here rejects but `open` with bad options.
 *
 * One process writes a directory. Changes of one key run one after the other, a sweep alone; reads run beside them.
 */
export class SegmentStore {
  readonly #dir: string;
  readonly #maxAgeMs: number;
  readonly #clock: Clock;
  readonly #disk: Disk;
  readonly #patient: PatientReads;
  readonly #catalog = new Catalog();
  readonly #changes = new KeyedTasks(CHANGES_AT_ONCE);
  readonly #reads = new Map<string, Promise<ReadResult>>();
  readonly #writing = new Set<Promise<WriteResult>>();
  readonly #corrupt: Record<string, number> = {};
  readonly #writeErrors: Record<string, number> = {};
  #maxBytes: number;
  /** Of the evictions that a smaller bound led to. */
  #shrinking: Promise<void> = Promise.resolve();
  #lost = new Set<string>();
  #sequence = 0;
  #writes = 0;
  #evictions = 0;
  #backoffMs = 0;
  /** Monotonic ms. */
  #suspendedUntil = Number.NEGATIVE_INFINITY;

  static async open(options: SegmentStoreOptions): Promise<SegmentStore> {
    const store = new SegmentStore(options);
    await store.#changes.runAlone(() => store.#load());
    return store;
  }

  private constructor({ dir, maxBytes, maxAgeMs = 168 * HOUR_MS, clock, disk = cacacheDisk }: SegmentStoreOptions) {
    this.#dir = resolve(dir);
    this.#maxBytes = positive(maxBytes);
    this.#maxAgeMs = maxAgeMs;
    this.#clock = clock;
    this.#disk = disk;
    this.#patient = new PatientReads(disk, clock);
  }

  /** Whether writes are refused for a while because the disk failed a moment ago or hangs. */
  get suspended(): boolean {
    return this.#patient.isHanging || this.#clock.monotonic() < this.#suspendedUntil;
  }

  /** Symbols stored in a segment, without reading it. */
  symbolsOf(key: string): readonly string[] {
    return this.#catalog.get(key)?.symbols ?? [];
  }

  /** The keys of all segments. */
  keys(): string[] {
    return this.#catalog.values().map(({ key }) => key);
  }

  /** Concurrent reads of a key share one. What fails a check is removed and never served. */
  read(key: string): Promise<ReadResult> {
    const running = this.#reads.get(key);
    if (running !== undefined) return running;
    const read = this.#read(key).finally(() => this.#reads.delete(key));
    this.#reads.set(key, read);
    return read;
  }

  /** Replaces a segment. Throws a RangeError for one that is too large to be read back. */
  write(key: string, records: ReadonlyMap<string, Uint8Array>): Promise<WriteResult> {
    const write = this.#write(key, records).finally(() => this.#writing.delete(write));
    this.#writing.add(write);
    return write;
  }

  async #write(key: string, records: ReadonlyMap<string, Uint8Array>): Promise<WriteResult> {
    if (this.suspended) return 'suspended';
    this.#sequence += 1;
    const header = { key, sequence: this.#sequence, writtenAt: this.#clock.now() };
    const bytes = await encodeSegment(header, [...records.values()]);
    const result = await this.#changes.run(key, () => this.#commit(header, bytes, [...records.keys()]));
    await this.#evict();
    return result;
  }

  /** From now on at most this many bytes; beyond them the segments written longest ago are removed, in the background. */
  resize(maxBytes: number): void {
    this.#maxBytes = positive(maxBytes);
    this.#shrinking = Promise.all([this.#shrinking, this.#evict()]).then(() => undefined);
  }

  /** Removes aged segments and what killed writers left behind; a file system error ends it early and is counted. */
  sweep(): Promise<SweepReport> {
    return this.#changes.runAlone(async () => {
      for (const segment of this.#catalog.values().filter((stored) => this.#isAged(stored))) {
        this.#catalog.delete(segment.key);
        await this.#erase(segment);
      }
      const live = new Set(this.#catalog.values().map((segment) => segment.path));
      try {
        return await sweepFiles(this.#dir, live, this.#clock.now() - TMP_MAX_AGE_MS);
      } catch (error) {
        count(this.#writeErrors, errorCode(error));
        return { tmpFiles: 0, orphans: 0, bytes: 0 };
      }
    });
  }

  /** Segments that were removed as unreadable since the last call: their series are gone from disk until rewritten. */
  takeLost(): ReadonlySet<string> {
    const lost = this.#lost;
    this.#lost = new Set();
    return lost;
  }

  stats(): SegmentStoreStats {
    return {
      entries: this.#catalog.size,
      bytes: this.#catalog.bytes,
      writes: this.#writes,
      evictions: this.#evictions,
      corrupt: { ...this.#corrupt },
      writeErrors: { ...this.#writeErrors },
    };
  }

  /** Waits for what was begun. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#reads.values(), ...this.#writing]);
    await this.#shrinking;
    await this.#changes.runAlone(() => Promise.resolve());
  }

  async #load(): Promise<void> {
    try {
      await mkdir(this.#dir, { recursive: true });
      const segments: StoredSegment[] = [];
      for (const entry of await this.#disk.list(this.#dir)) {
        const segment = parseEntry(entry);
        if (segment === null) await this.#disk.removeEntry(this.#dir, entry.key);
        else segments.push(segment);
      }
      segments.sort((a, b) => a.sequence - b.sequence);
      for (const segment of segments) this.#catalog.set(segment);
      this.#sequence = segments.at(-1)?.sequence ?? 0;
    } catch (error) {
      count(this.#writeErrors, errorCode(error));
    }
  }

  async #read(key: string): Promise<ReadResult> {
    const stored = this.#catalog.get(key);
    if (stored === undefined) return { status: 'miss' };
    if (this.#isAged(stored)) {
      this.#catalog.delete(key);
      void this.#changes.run(key, () => this.#erase(stored));
      return { status: 'stale' };
    }
    const segment = await this.#readChecked(stored);
    if (typeof segment !== 'string') return { status: 'hit', segment };
    // A write replaced the segment and removed its file while it was being read.
    if (this.#catalog.get(key) !== stored) return this.#read(key);
    if (!PASSING_READ_ERRORS.has(segment)) this.#discard(stored, segment);
    return { status: 'error', reason: segment };
  }

  async #readChecked(stored: StoredSegment): Promise<Segment | string> {
    try {
      const segment = await decodeSegment(await this.#patient.read(this.#dir, stored.integrity), stored.key);
      if (typeof segment === 'string') return segment;
      return segment.sequence === stored.sequence ? segment : 'sequence';
    } catch (error) {
      return errorCode(error);
    }
  }

  #discard(stored: StoredSegment, reason: string): void {
    count(this.#corrupt, reason);
    this.#lost.add(stored.key);
    this.#catalog.delete(stored.key);
    void this.#changes.run(stored.key, () => this.#erase(stored));
  }

  async #commit(header: SegmentHeader, bytes: Buffer, symbols: readonly string[]): Promise<WriteResult> {
    if (this.suspended) return 'suspended';
    const { key } = header;
    const previous = this.#catalog.get(key);
    try {
      const metadata = segmentMetadata(header, symbols);
      const { integrity, path } = await this.#disk.write(this.#dir, key, bytes, metadata);
      this.#catalog.set({ ...header, integrity, path, size: bytes.length, symbols });
      this.#writes += 1;
      this.#backoffMs = 0;
    } catch (error) {
      this.#suspend(error);
      return 'failed';
    }
    // The sequence is part of the content, so no two writes share a content file.
    if (previous !== undefined) await this.#attempt(() => this.#disk.removeContent(this.#dir, previous));
    return 'written';
  }

  async #evict(): Promise<void> {
    while (this.#catalog.bytes > this.#maxBytes) {
      const oldest = this.#catalog.leastRecentlyWritten();
      if (oldest === undefined) return;
      this.#catalog.delete(oldest.key);
      this.#evictions += 1;
      await this.#changes.run(oldest.key, () => this.#erase(oldest));
    }
  }

  /**
   * Removes the files of a segment that is no longer in the catalog. The content must go before the segment is written
   * again: cacache's `put` keeps a damaged file of the same name.
   */
  async #erase(stored: StoredSegment): Promise<void> {
    const rewritten = this.#catalog.get(stored.key) !== undefined;
    if (!rewritten) await this.#attempt(() => this.#disk.removeEntry(this.#dir, stored.key));
    await this.#attempt(() => this.#disk.removeContent(this.#dir, stored));
  }

  async #attempt(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      count(this.#writeErrors, errorCode(error));
    }
  }

  #isAged({ writtenAt }: StoredSegment): boolean {
    return this.#clock.now() - writtenAt > this.#maxAgeMs;
  }

  #suspend(error: unknown): void {
    count(this.#writeErrors, errorCode(error));
    this.#backoffMs = Math.min(LONGEST_BACKOFF_MS, this.#backoffMs === 0 ? FIRST_BACKOFF_MS : this.#backoffMs * 2);
    this.#suspendedUntil = this.#clock.monotonic() + this.#backoffMs;
  }
}

function positive(maxBytes: number): number {
  if (maxBytes > 0) return maxBytes;
  throw new RangeError(`maxBytes must be positive, not ${maxBytes}`);
}

function count(counters: Record<string, number>, name: string): void {
  counters[name] = (counters[name] ?? 0) + 1;
}

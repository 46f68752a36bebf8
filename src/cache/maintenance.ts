import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { allocateBuffer, slabOf } from '../domain/series.js';
import { parseEntry, type StoredSegment } from './catalog.js';
import { MalformedBytes } from './codec/bytes.js';
import { decodeRecord, readRecordRange } from './codec/record.js';
import { decodeSegment } from './codec/segment.js';
import { cacacheDisk, type Disk, errorCode } from './disk.js';
import { isResultsKey, type SeriesKey, segmentTimeframe } from './keys.js';
import { parseResults } from './stored-results.js';
import { filesUnder } from './sweep.js';
import { computeDigest } from './window-digest.js';

/*
 * For the `cache` commands. They work on a directory that no daemon is using (the lock of the data directory holds
 * that), and reject with the file system's error when the directory cannot be read at all.
 */

/** What cacache keeps in its directory. Nothing else there is ours to delete. */
const OWN_NAMES = /^(content-v\d+|index-v\d+|tmp|_lastverified)$/;

export interface CacheSummary {
  readonly segments: number;
  readonly series: number;
  readonly seriesByTimeframe: Readonly<Record<string, number>>;
  /** Bytes of the results of analyzers, among the segments. */
  readonly resultsBytes: number;
  /** Bytes of the segments in use. */
  readonly liveBytes: number;
  /** Bytes of all files. */
  readonly diskBytes: number;
  /** Epoch ms, null when empty. */
  readonly oldestWrite: number | null;
  readonly newestWrite: number | null;
}

export interface VerifiedEntry {
  readonly key: string;
  readonly series: number;
  /** `ok`, a `SegmentDefect`, an errno code, or `index` for a line that is none of ours. */
  readonly outcome: string;
  readonly removed: boolean;
}

export async function summarize(dir: string): Promise<CacheSummary> {
  const root = resolve(dir);
  const segments = (await cacacheDisk.list(root)).map(parseEntry).filter((segment) => segment !== null);
  const seriesByTimeframe: Record<string, number> = {};
  for (const { key, symbols } of segments) {
    const timeframe = segmentTimeframe(key);
    if (timeframe === null) continue;
    seriesByTimeframe[timeframe] = (seriesByTimeframe[timeframe] ?? 0) + symbols.length;
  }
  const writes = segments.map((segment) => segment.writtenAt).sort((a, b) => a - b);
  return {
    segments: segments.length,
    series: Object.values(seriesByTimeframe).reduce((sum, series) => sum + series, 0),
    seriesByTimeframe,
    resultsBytes: bytesOf(segments.filter(({ key }) => isResultsKey(key))),
    liveBytes: bytesOf(segments),
    diskBytes: await sizeOf(await ownFiles(root)),
    oldestWrite: writes[0] ?? null,
    newestWrite: writes.at(-1) ?? null,
  };
}

/** Reads and decodes everything, in the order of the keys; `remove` deletes what fails, so that it is fetched again. */
export async function verify(
  dir: string,
  { remove = false, disk = cacacheDisk }: { readonly remove?: boolean; readonly disk?: Disk } = {},
): Promise<VerifiedEntry[]> {
  const root = resolve(dir);
  const entries = [...(await disk.list(root))].sort((a, b) => (a.key < b.key ? -1 : 1));
  const verified: VerifiedEntry[] = [];
  for (const entry of entries) {
    const segment = parseEntry(entry);
    const checked = segment === null ? 'index' : await check(disk, root, segment);
    const failed = typeof checked === 'string';
    if (failed && remove) {
      await disk.removeEntry(root, entry.key);
      if (entry.path) await disk.removeContent(root, entry);
    }
    verified.push({
      key: entry.key,
      series: failed ? 0 : checked,
      outcome: failed ? checked : 'ok',
      removed: failed && remove,
    });
  }
  return verified;
}

/** Deletes all entries; files that are not cacache's stay. */
export async function clear(dir: string): Promise<{ readonly files: number; readonly bytes: number }> {
  const root = resolve(dir);
  const files = await ownFiles(root);
  const bytes = await sizeOf(files);
  for (const name of await ownNames(root)) await rm(join(root, name), { recursive: true, force: true });
  return { files: files.length, bytes };
}

/** The number of sound series in a segment, or why it is not sound. */
async function check(disk: Disk, dir: string, { integrity, key }: StoredSegment): Promise<number | string> {
  try {
    const segment = await decodeSegment(await disk.read(dir, integrity), key);
    if (typeof segment === 'string') return segment;
    const timeframe = segmentTimeframe(key);
    if (timeframe === null) {
      for (const record of segment.records.values()) parseResults(record);
      return 0;
    }
    for (const [symbol, record] of segment.records) checkSeries({ symbol, timeframe }, record);
    return segment.records.size;
  } catch (error) {
    return error instanceof MalformedBytes ? 'shape' : errorCode(error);
  }
}

/** Throws `MalformedBytes`. */
function checkSeries(key: SeriesKey, record: Uint8Array): void {
  const { firstOpenTime, count, digest } = readRecordRange(record);
  const window = { ...key, buffer: allocateBuffer(count), capacity: count, start: 0, length: count };
  const slab = slabOf(window);
  slab.rows[0] = firstOpenTime;
  decodeRecord(record, slab);
  if (computeDigest(window) !== digest) throw new MalformedBytes('candles of another digest');
}

async function ownNames(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => OWN_NAMES.test(name));
}

async function ownFiles(dir: string): Promise<string[]> {
  const files = await Promise.all((await ownNames(dir)).map((name) => filesUnder(join(dir, name))));
  return files.flat();
}

function bytesOf(segments: readonly StoredSegment[]): number {
  return segments.reduce((sum, { size }) => sum + size, 0);
}

async function sizeOf(files: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const file of files) bytes += (await stat(file)).size;
  return bytes;
}

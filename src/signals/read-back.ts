import { type FileHandle, open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { SignalNotice, SignalRecord } from './contract.js';
import { decodeLine } from './line.js';
import { errorCode, fileName, type LogFile, listLogFiles } from './log-files.js';
import { isSuperseded } from './memory.js';

const LINE_BREAK = 0x0a;
const BLOCK_BYTES = 256 * 1024;

export interface ReadBackOptions {
  readonly dir: string;
  /** Signals that are enough; it reads on for older ones of candles that are the newest of their timeframe. */
  readonly capacity: number;
  /** How far back such a candle can have closed: the longest timeframe. */
  readonly reachMs: number;
  readonly onNotice: (notice: SignalNotice) => void;
}

export interface ReadBack {
  /** The newest state of each signal. */
  readonly records: ReadonlyMap<string, SignalRecord>;
  /** Oldest first. */
  readonly files: readonly (LogFile & { readonly bytes: number })[];
  /** The newest file ends with a whole line, so that it can be continued. */
  readonly isNewestSound: boolean;
  readonly damaged: number;
  readonly torn: number;
  readonly readErrors: Readonly<Record<string, number>>;
}

/**
 * Reads the signal files from their end until enough signals are known; the first line met of an id is its last. A line
 * that was not written to its end is cut off the newest file, a damaged one is skipped. Never rejects: what cannot be
 * read is counted and told.
 */
export async function readBack(options: ReadBackOptions): Promise<ReadBack> {
  const reader = new Reader(options);
  await reader.run();
  return reader;
}

class Reader implements ReadBack {
  readonly records = new Map<string, SignalRecord>();
  files: (LogFile & { readonly bytes: number })[] = [];
  isNewestSound = false;
  damaged = 0;
  torn = 0;
  readonly readErrors: Record<string, number> = {};
  readonly #options: ReadBackOptions;
  #newestClose = Number.NEGATIVE_INFINITY;
  #knowsEnough = false;

  constructor(options: ReadBackOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { dir } = this.#options;
    try {
      this.files = await listLogFiles(dir);
    } catch (error) {
      this.#unreadable(dir, error);
    }
    for (const file of this.files.toReversed()) {
      if (this.#knowsEnough) return;
      const path = join(dir, fileName(file));
      try {
        await this.#readFile(path, file);
      } catch (error) {
        this.#unreadable(path, error);
      }
    }
  }

  async #readFile(path: string, file: LogFile & { readonly bytes: number }): Promise<void> {
    const damagedBefore = this.damaged;
    const handle = await open(path, 'r');
    try {
      const lines = linesFromEnd(handle, file.bytes);
      const { value: unended } = await lines.next();
      if (file === this.files.at(-1)) await this.#cutOff(path, file, unended?.length ?? 0);
      else if (unended !== undefined && unended.length > 0) this.damaged += 1;
      for await (const line of lines) {
        this.#take(line);
        if (this.#knowsEnough) break;
      }
    } finally {
      await handle.close();
    }
    const damaged = this.damaged - damagedBefore;
    if (damaged > 0) this.#options.onNotice({ kind: 'damaged', detail: `${damaged} lines of ${path} are skipped` });
  }

  /** The newest file ends within a line when its writer was killed: that line was not acknowledged to anyone. */
  async #cutOff(path: string, file: LogFile & { readonly bytes: number }, unendedBytes: number): Promise<void> {
    const bytes = file.bytes - unendedBytes;
    try {
      if (unendedBytes > 0) {
        this.torn += 1;
        this.#options.onNotice({ kind: 'torn', detail: `${unendedBytes} bytes of an unfinished line end ${path}` });
        await truncate(path, bytes);
        this.files[this.files.length - 1] = { ...file, bytes };
      }
      this.isNewestSound = true;
    } catch (error) {
      this.#unreadable(path, error);
    }
  }

  #take(line: Buffer): void {
    if (line.length === 0) return;
    const record = decodeLine(line);
    if (record === null) {
      this.damaged += 1;
      return;
    }
    const { capacity, reachMs } = this.#options;
    this.#newestClose = Math.max(this.#newestClose, record.candleCloseTime);
    // One more than fits tells the memory that there are older ones.
    const isFull = this.records.size > capacity;
    if (isFull && record.updatedAt < this.#newestClose - reachMs) this.#knowsEnough = true;
    else if (!this.records.has(record.id) && !(isFull && isSuperseded(record, this.#newestClose))) {
      this.records.set(record.id, record);
    }
  }

  #unreadable(path: string, error: unknown): void {
    const code = errorCode(error);
    this.readErrors[code] = (this.readErrors[code] ?? 0) + 1;
    this.#options.onNotice({ kind: 'unreadable', detail: `${path}: ${code}` });
  }
}

/**
 * The lines of a file from the last to the first, without their line breaks. The first one given is what follows the
 * last line break, which is empty in a file of whole lines.
 */
async function* linesFromEnd(file: FileHandle, size: number): AsyncGenerator<Buffer, undefined> {
  /** What was read of a line whose start was not, last part first. */
  let parts: Buffer[] = [];
  for (let end = size; end > 0; end -= Math.min(end, BLOCK_BYTES)) {
    const block = await readBlock(file, Math.max(0, end - BLOCK_BYTES), end);
    let to = block.length;
    for (let at = block.lastIndexOf(LINE_BREAK); at >= 0; at = at === 0 ? -1 : block.lastIndexOf(LINE_BREAK, at - 1)) {
      yield Buffer.concat([block.subarray(at + 1, to), ...parts.toReversed()]);
      parts = [];
      to = at;
    }
    parts.push(block.subarray(0, to));
  }
  yield Buffer.concat(parts.toReversed());
}

async function readBlock(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(to - from);
  for (let filled = 0; filled < block.length; ) {
    const { bytesRead } = await file.read(block, filled, block.length - filled, from + filled);
    if (bytesRead === 0) throw Object.assign(new Error('the file became shorter while it was read'), { code: 'EIO' });
    filled += bytesRead;
  }
  return block;
}

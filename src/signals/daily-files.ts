import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { dayOf, endOfDay, errorCode, fileName, type LogFile, makeDurableDir, syncDir } from './log-files.js';
import type { ReadBack } from './read-back.js';

export interface DailyFilesOptions {
  readonly dir: string;
  readonly clock: Clock;
  /** A file that would become larger is followed by another one of its day. */
  readonly maxFileBytes: number;
  /** Files whose day is over for longer are removed. */
  readonly retentionMs: number;
  /** What is there. */
  readonly found: Pick<ReadBack, 'files' | 'isNewestSound'>;
  /** A file could not be removed, or not be closed. */
  readonly onError: (error: unknown) => void;
  /** Default `open` of `node:fs/promises`. */
  readonly open?: typeof open;
}

/** `bytes` are known to be on disk, all of them whole lines. */
type SizedFile = LogFile & { readonly bytes: number };

/**
 * Appends to files of one UTC day each. Not to be called while a call is running.
 *
 * A write that failed is taken back, and what it left is cut off before the next one. After a failed `fdatasync` the kernel
 * holds the pages for clean, so the same bytes must be written anew, and they are.
 *
 * No file is held open: one open per cycle costs nothing, and a directory that was removed is simply made again.
 */
export class DailyFiles {
  readonly #options: DailyFilesOptions;
  readonly #open: typeof open;
  readonly #files = new Map<string, SizedFile>();
  #current: SizedFile | null = null;
  #closing: Promise<void> = Promise.resolve();

  constructor(options: DailyFilesOptions) {
    this.#options = options;
    this.#open = options.open ?? open;
    for (const file of options.found.files) this.#files.set(fileName(file), file);
    const newest = options.found.files.at(-1);
    // One that may not end with a whole line counts as full.
    if (newest !== undefined) {
      this.#current = options.found.isNewestSound ? newest : { ...newest, bytes: Number.POSITIVE_INFINITY };
    }
  }

  get count(): number {
    return this.#files.size;
  }

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, file) => sum + file.bytes, 0);
  }

  /** Resolves when the bytes, which are whole lines, are on disk; rejects with the file system's error when none are. */
  async append(bytes: Buffer): Promise<void> {
    await this.settled();
    const { handle, file } = await this.#openFor(bytes.length);
    try {
      const { size } = await handle.stat();
      const start = Math.min(size, file.bytes);
      if (size > start) await handle.truncate(start);
      // Someone shortened the file: a line break keeps apart what may be left of a line and this.
      const lead = start > 0 && start < file.bytes ? '\n' : '';
      const grown = { ...file, bytes: start + lead.length + bytes.length };
      try {
        await handle.appendFile(lead === '' ? bytes : Buffer.concat([Buffer.from(lead), bytes]));
        await handle.datasync();
        if (start === 0) await syncDir(this.#options.dir);
      } catch (error) {
        await handle.truncate(start).catch(() => {});
        throw error;
      }
      this.#become(grown);
    } finally {
      // What is on disk is safe: those who wait for it need not wait for this.
      this.#closing = handle.close().catch((error: unknown) => this.#options.onError(error));
    }
  }

  /** Resolves when no file is open. */
  settled(): Promise<void> {
    return this.#closing;
  }

  /** Removes the files that are older than the retention. Never rejects. */
  async prune(): Promise<void> {
    const { dir, clock, retentionMs, onError } = this.#options;
    const current = this.#current === null ? null : fileName(this.#current);
    for (const [name, { day }] of this.#files) {
      if (name === current || endOfDay(day) + retentionMs > clock.now()) continue;
      try {
        await unlink(join(dir, name));
        this.#files.delete(name);
      } catch (error) {
        if (errorCode(error) === 'ENOENT') this.#files.delete(name);
        else onError(error);
      }
    }
  }

  async #openFor(bytes: number): Promise<{ readonly handle: FileHandle; readonly file: SizedFile }> {
    const { clock, maxFileBytes } = this.#options;
    const current = this.#current;
    const today = dayOf(clock.now());
    // A clock that was set back must not bring older files behind newer ones.
    const day = current !== null && current.day > today ? current.day : today;
    const isSameDay = current?.day === day;
    if (isSameDay && (current.bytes === 0 || current.bytes + bytes <= maxFileBytes)) {
      return { handle: await this.#openIn(current, 'a'), file: current };
    }
    const opened = await this.#createAfter(day, isSameDay ? current.part + 1 : 0);
    this.#become(opened.file);
    if (!isSameDay) await this.prune();
    return opened;
  }

  /** What is in a file that we do not know is not ours to cut off, so the new one must not be there yet. */
  async #createAfter(day: string, part: number): Promise<{ readonly handle: FileHandle; readonly file: SizedFile }> {
    const file = { day, part, bytes: 0 };
    try {
      return { handle: await this.#openIn(file, 'ax'), file };
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return this.#createAfter(day, part + 1);
      throw error;
    }
  }

  async #openIn(file: LogFile, flags: 'a' | 'ax'): Promise<FileHandle> {
    const { dir } = this.#options;
    const path = join(dir, fileName(file));
    try {
      return await this.#open(path, flags, 0o600);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await makeDurableDir(dir);
      return this.#open(path, flags, 0o600);
    }
  }

  #become(file: SizedFile): void {
    this.#current = file;
    this.#files.set(fileName(file), file);
  }
}

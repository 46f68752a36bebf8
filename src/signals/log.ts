import pLimit from 'p-limit';
import type { Cancel, Clock } from '../lib/clock.js';
import type { LogStats, SignalNotice } from './contract.js';
import { DailyFiles, type DailyFilesOptions } from './daily-files.js';
import { errorCode } from './log-files.js';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

export interface SignalLogOptions extends Omit<DailyFilesOptions, 'onError'> {
  /** Lines that may wait for a disk that does not take them. */
  readonly maxWaiting: number;
  readonly onNotice: (notice: SignalNotice) => void;
}

interface Waiting {
  readonly line: string;
  /** Monotonic ms. */
  readonly since: number;
}

/**
 * Lines on their way to the disk, in order. Those that the disk does not take wait, and are tried again, all of them, with
 * the next append and by a timer.
 */
export class SignalLog {
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  readonly #onNotice: (notice: SignalNotice) => void;
  readonly #files: DailyFiles;
  readonly #writer = pLimit(1);
  readonly #writeErrors: Record<string, number> = {};
  #waiting: readonly Waiting[] = [];
  #written = 0;
  #refused = 0;
  #failing: string | null = null;
  #retryMs = FIRST_RETRY_MS;
  #cancelRetry: Cancel | null = null;
  #stopped = false;

  constructor(options: SignalLogOptions) {
    this.#clock = options.clock;
    this.#maxWaiting = options.maxWaiting;
    this.#onNotice = options.onNotice;
    this.#files = new DailyFiles({ ...options, onError: (error) => void this.#count(error) });
  }

  /** Appends lines, each with its line break. Resolves with whether all that is due is on disk. Never rejects. */
  append(lines: readonly string[]): Promise<boolean> {
    return this.#writer(() => this.#write(lines));
  }

  /** Writes what waits. Resolves with whether nothing waits any more. */
  flush(): Promise<boolean> {
    return this.append([]);
  }

  prune(): Promise<void> {
    return this.#writer(() => this.#files.prune());
  }

  /** Tries once more, and never again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm();
    await this.flush();
    await this.#files.settled();
  }

  stats(): Omit<LogStats, 'readErrors' | 'damaged' | 'torn'> {
    const [oldest] = this.#waiting;
    return {
      files: this.#files.count,
      bytes: this.#files.bytes,
      written: this.#written,
      unsaved: this.#waiting.length,
      oldestUnsavedAgeMs: oldest === undefined ? 0 : this.#clock.monotonic() - oldest.since,
      refused: this.#refused,
      failing: this.#failing,
      diskFull: this.#failing !== null && FULL.has(this.#failing),
      writeErrors: { ...this.#writeErrors },
    };
  }

  async #write(lines: readonly string[]): Promise<boolean> {
    const since = this.#clock.monotonic();
    const due = [...this.#waiting, ...lines.map((line) => ({ line, since }))];
    if (due.length === 0) return true;
    try {
      await this.#files.append(Buffer.from(due.map(({ line }) => line).join('')));
    } catch (error) {
      this.#keep(due, this.#count(error));
      return false;
    }
    this.#waiting = [];
    this.#written += due.length;
    if (this.#failing !== null) this.#recovered(due.length);
    return true;
  }

  #keep(due: readonly Waiting[], code: string): void {
    this.#waiting = due.slice(0, this.#maxWaiting);
    const waiting = this.#waiting.length;
    const refused = due.length - waiting;
    if (this.#failing !== code) this.#onNotice({ kind: 'unwritable', detail: `${code}, ${waiting} lines wait` });
    this.#failing = code;
    if (refused > 0) {
      this.#refused += refused;
      this.#onNotice({ kind: 'refused', detail: `${refused} lines given up, ${waiting} wait already (${code})` });
    }
    this.#disarm();
    if (this.#stopped) return;
    this.#cancelRetry = this.#clock.setTimer(this.#retryMs, () => void this.flush());
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
  }

  #recovered(lines: number): void {
    this.#failing = null;
    this.#retryMs = FIRST_RETRY_MS;
    this.#disarm();
    this.#onNotice({ kind: 'recovered', detail: `${lines} lines written` });
  }

  #disarm(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  #count(error: unknown): string {
    const code = errorCode(error);
    this.#writeErrors[code] = (this.#writeErrors[code] ?? 0) + 1;
    return code;
  }
}

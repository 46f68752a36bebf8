import type { Writable } from 'node:stream';
import type { Clock } from './clock.js';

export interface LineSinkOptions {
  readonly stream: Writable;
  readonly clock: Clock;
  /** What may wait in memory for a reader; lines beyond it are dropped and counted. */
  readonly maxWaitingBytes?: number;
  /** The longest that `close` waits for a reader. */
  readonly closeMs?: number;
  /** Called once lines are taken again, with the number of those dropped meanwhile. */
  readonly onResumed: (dropped: number) => void;
}

/**
 * Lines to a stream whose reader may be slow, gone or out of disk space: writing never throws, never waits, and holds
 * a bounded amount. Node writes to a pipe or file at once as far as it takes the bytes, so that a line is out before
 * the process ends, and keeps only the rest in memory.
 */
export class LineSink {
  readonly #options: LineSinkOptions;
  readonly #maxWaitingBytes: number;
  /** Without a listener a closed pipe would end the process. */
  readonly #onError = () => {
    this.#failed += 1;
  };
  #droppedNow = 0;
  #dropped = 0;
  #failed = 0;
  #closing: Promise<void> | null = null;

  constructor(options: LineSinkOptions) {
    this.#options = options;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? 2 ** 20;
    options.stream.on('error', this.#onError);
  }

  write(line: string): void {
    const { stream, onResumed } = this.#options;
    if (stream.writableLength >= this.#maxWaitingBytes) {
      this.#droppedNow += 1;
      this.#dropped += 1;
      return;
    }
    const dropped = this.#droppedNow;
    this.#droppedNow = 0;
    if (dropped > 0) onResumed(dropped);
    this.#write(line);
  }

  stats(): { readonly dropped: number; readonly failed: number } {
    return { dropped: this.#dropped, failed: this.#failed };
  }

  /** Resolves when the stream has taken everything, has failed, or `closeMs` have passed. */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #drain(): Promise<void> {
    const { stream, clock, closeMs = 1_000 } = this.#options;
    const drained = await new Promise<boolean>((resolve) => {
      const cancel = clock.setTimer(closeMs, () => resolve(false));
      this.#write('', () => {
        cancel();
        resolve(true);
      });
    });
    // What still waits may fail yet, and must then find the listener.
    if (drained) stream.off('error', this.#onError);
  }

  #write(text: string, onTaken = () => {}): void {
    try {
      this.#options.stream.write(text, onTaken);
    } catch {
      this.#failed += 1;
      onTaken();
    }
  }
}

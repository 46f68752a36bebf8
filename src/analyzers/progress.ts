/**
 * Tells another thread what this one is doing, without messages, so that it can be read while this thread is stuck.
 *
 * Three Int32 cells: a sequence that is odd while the others are being written (a seqlock), the number of the step
 * that runs now, and the microseconds that earlier runs of the same step took since the last `reset`.
 */
const SEQUENCE = 0;
const STEP = 1;
const SPENT_US = 2;
const IDLE = -1;

export interface Progress {
  /** Forgets the time spent on every step. */
  reset(): void;
  begin(step: number): void;
  end(step: number, elapsedMs: number): void;
}

export const NO_PROGRESS: Progress = { reset() {}, begin() {}, end() {} };

export function createProgressBuffer(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
  new Int32Array(buffer)[STEP] = IDLE;
  return buffer;
}

export function progressWriter(buffer: SharedArrayBuffer): Progress {
  const cells = new Int32Array(buffer);
  const spentUs: number[] = [];
  const write = (step: number) => {
    Atomics.add(cells, SEQUENCE, 1);
    Atomics.store(cells, STEP, step);
    Atomics.store(cells, SPENT_US, spentUs[step] ?? 0);
    Atomics.add(cells, SEQUENCE, 1);
  };
  return {
    reset() {
      spentUs.length = 0;
      write(IDLE);
    },
    begin: write,
    end(step, elapsedMs) {
      spentUs[step] = (spentUs[step] ?? 0) + elapsedMs * 1_000;
      write(IDLE);
    },
  };
}

/** The step that runs now, or null. Exact when the writing thread has ended or is stuck. */
export function currentStep(buffer: SharedArrayBuffer): number | null {
  const step = Atomics.load(new Int32Array(buffer), STEP);
  return step === IDLE ? null : step;
}

/**
 * Reads the time of the current step by the reader's own clock: what earlier runs took, and how long this run has been
 * seen. It errs only downwards, by at most the time between two reads.
 */
export class ProgressReader {
  readonly #cells: Int32Array;
  #sequence = 0;
  #sinceMs = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Int32Array(buffer);
  }

  read(nowMs: number): { readonly step: number; readonly elapsedMs: number } | null {
    const sequence = Atomics.load(this.#cells, SEQUENCE);
    const step = Atomics.load(this.#cells, STEP);
    const spentMs = Atomics.load(this.#cells, SPENT_US) / 1_000;
    if (sequence !== this.#sequence) {
      this.#sequence = sequence;
      this.#sinceMs = nowMs;
    }
    const torn = sequence % 2 !== 0 || Atomics.load(this.#cells, SEQUENCE) !== sequence;
    if (torn || step === IDLE) return null;
    return { step, elapsedMs: spentMs + (nowMs - this.#sinceMs) };
  }
}

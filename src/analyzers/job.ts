import type { AnalysisBatch, AnalyzerFailure, BatchResult } from './contract.js';

/** A batch on its way through the pool, over as many runs as it takes. */
export class Job {
  readonly batch: AnalysisBatch;
  readonly result: Promise<BatchResult>;
  readonly #dropped = new Map<string, AnalyzerFailure>();
  #settle: { resolve(result: BatchResult): void; reject(reason: unknown): void } | null = null;
  #crashed = false;

  /** Rejects with the signal's reason as soon as that fires; a run in progress is then nobody's. */
  constructor(batch: AnalysisBatch, signal?: AbortSignal) {
    this.batch = batch;
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    if (signal === undefined) return;
    const onAbort = () => this.reject(signal.reason);
    const settled = () => signal.removeEventListener('abort', onAbort);
    this.result.then(settled, settled);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  }

  get settled(): boolean {
    return this.#settle === null;
  }

  /** Whether an analyzer may (still) run in this batch. */
  admits(analyzer: string): boolean {
    return !this.#dropped.has(analyzer);
  }

  /** Runs on without this analyzer. */
  drop(analyzer: string, reason: 'budget' | 'crashed', message: string): void {
    this.#dropped.set(analyzer, { analyzer, reason, message, count: this.batch.series.length });
  }

  /** Whether it may run once more as it is: a thread can end by accident once. */
  forgiveCrash(): boolean {
    const first = !this.#crashed;
    this.#crashed = true;
    return first;
  }

  resolve(result: BatchResult): void {
    this.#settle?.resolve({ ...result, failures: [...this.#dropped.values(), ...result.failures] });
    this.#settle = null;
  }

  reject(reason: unknown): void {
    this.#settle?.reject(reason);
    this.#settle = null;
  }
}

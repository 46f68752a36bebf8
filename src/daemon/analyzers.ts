import type { AnalysisBatch, BatchResult } from '../analyzers/contract.js';
import { type AnalyzerPool, type AnalyzerPoolOptions, createAnalyzerPool } from '../analyzers/pool.js';
import type { AnalyzerInfo } from '../analyzers/registry.js';

/** The analyzers that run now; a reload puts others in their place. */
export class Analyzers {
  #pool: AnalyzerPool;

  static async start(options: AnalyzerPoolOptions): Promise<Analyzers> {
    return new Analyzers(await createAnalyzerPool(options));
  }

  private constructor(pool: AnalyzerPool) {
    this.#pool = pool;
  }

  get analyzers(): readonly AnalyzerInfo[] {
    return this.#pool.analyzers;
  }

  get refused(): AnalyzerPool['refused'] {
    return this.#pool.refused;
  }

  get quarantined(): AnalyzerPool['quarantined'] {
    return this.#pool.quarantined;
  }

  /** Candles that the least demanding analyzer needs. */
  get leastWarmup(): number {
    return Math.min(...this.analyzers.filter(({ kind }) => kind === 'series').map(({ warmup }) => warmup));
  }

  analyze(batch: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult> {
    return this.#pool.analyze(batch, signal);
  }

  /** To be called between cycles. Rejects with a `ConfigError` for analyzers that cannot be had; the old ones stay then. */
  async replace(options: AnalyzerPoolOptions): Promise<void> {
    const before = this.#pool;
    this.#pool = await createAnalyzerPool(options);
    await before.close();
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

import type { AnalysisBatch, BatchResult } from '../analyzers/contract.js';
import { type AnalyzerPool, type AnalyzerPoolOptions, createAnalyzerPool } from '../analyzers/pool.js';
import type { AnalyzerInfo } from '../analyzers/registry.js';

/** What a reload may change. */
type AnalyzerSettings = Pick<AnalyzerPoolOptions, 'enabled' | 'paths' | 'workers' | 'budgetMs'>;
type Surroundings = Omit<AnalyzerPoolOptions, keyof AnalyzerSettings>;

/** The analyzers that run now; a reload puts others in their place. */
export class Analyzers {
  readonly #surroundings: Surroundings;
  #pool: AnalyzerPool;
  #isClosed = false;

  static async start(settings: AnalyzerSettings, surroundings: Surroundings): Promise<Analyzers> {
    return new Analyzers(await createAnalyzerPool({ ...settings, ...surroundings }), surroundings);
  }

  private constructor(pool: AnalyzerPool, surroundings: Surroundings) {
    this.#pool = pool;
    this.#surroundings = surroundings;
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
  async replace(settings: AnalyzerSettings): Promise<void> {
    const next = await createAnalyzerPool({ ...settings, ...this.#surroundings });
    if (this.#isClosed) return next.close();
    const before = this.#pool;
    this.#pool = next;
    await before.close();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#pool.close();
  }
}

import type { Clock } from '../lib/clock.js';
import type { AnalysisBatch, BatchResult, EnabledAnalyzer } from './contract.js';
import { AnalyzerCrew, type Answer, type CrewEvent, type Interruption } from './crew.js';
import { Job } from './job.js';
import { type FoundModules, findModules, type RefusedModule } from './modules.js';
import { Quarantine, type QuarantinedAnalyzer } from './quarantine.js';
import type { AnalyzerInfo } from './registry.js';

export interface AnalyzerPoolOptions {
  readonly workers: number;
  /** Null is all that are known: the built-in ones and those of `paths`. */
  readonly enabled?: readonly EnabledAnalyzer[] | null;
  /** Modules, or folders of modules, with analyzers of others. */
  readonly paths?: readonly string[];
  /** Longest time that one analyzer may take over one batch. */
  readonly budgetMs: number;
  readonly clock: Clock;
  /** The compiled `worker.js`; beside this module unless told otherwise. */
  readonly workerUrl?: URL;
  readonly onEvent?: (event: PoolEvent) => void;
}

/**
 * What happens in a pool beside its results, for a log: a module was `refused`, an analyzer `quarantined`, a thread
 * `replaced`, something was thrown outside any call (`stray`) or printed (`output`).
 */
export type PoolEvent = CrewEvent | ({ readonly type: 'quarantined' } & QuarantinedAnalyzer);

export interface AnalyzerPool {
  /** Those that are switched on, in the order in which they run. */
  readonly analyzers: readonly AnalyzerInfo[];
  readonly refused: readonly RefusedModule[];
  readonly quarantined: readonly QuarantinedAnalyzer[];
  /** Waits for a free worker; the caller bounds how many batches wait. Rejects with the signal's reason when that fires. */
  analyze(batch: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult>;
  /** Ends the workers; batches that are not done are rejected. */
  close(): Promise<void>;
}

/**
 * Starts the workers and resolves when the first one has loaded its analyzers, so call it early and await it late.
 * Rejects with a `ConfigError` when the configuration does not fit the analyzers that are there.
 */
export async function createAnalyzerPool(options: AnalyzerPoolOptions): Promise<AnalyzerPool> {
  const { workers, budgetMs } = options;
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`workers must be at least 1, not ${workers}`);
  if (!(budgetMs > 0)) throw new RangeError(`budgetMs must be more than 0, not ${budgetMs}`);
  const pool = new WorkerPool(options, await findModules(options.paths ?? []));
  try {
    await pool.ready;
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

/** A batch in a thread, or about to be. */
interface Run {
  readonly job: Job;
  /** The analyzers of this run, by step. */
  readonly analyzers: readonly string[];
}

/**
 * Brings batches to threads and back. One that was interrupted by its budget runs again without the analyzer that ran
 * out of it; one whose thread ended by itself runs again as it is once, and then without the analyzer that was running.
 */
class WorkerPool implements AnalyzerPool {
  readonly #crew: AnalyzerCrew<Run>;
  readonly #clock: Clock;
  readonly #emit: (event: PoolEvent) => void;
  readonly #quarantine = new Quarantine();
  readonly #queue: Job[] = [];
  readonly #running = new Set<Job>();
  #closing: Promise<void> | null = null;
  #lastId = 0;

  constructor(options: AnalyzerPoolOptions, found: FoundModules) {
    const { workers, budgetMs, clock, enabled = null, onEvent = () => {} } = options;
    this.#clock = clock;
    this.#emit = onEvent;
    this.#crew = new AnalyzerCrew<Run>({
      workers,
      budgetMs,
      clock,
      enabled,
      found,
      onEvent,
      url: options.workerUrl ?? new URL('./worker.js', import.meta.url),
      onFree: () => this.#dispatch(),
      onAnswer: (run, answer) => this.#onAnswer(run, answer),
      onInterrupt: (run, step, why, cause) => this.#onInterrupt(run, step, why, cause),
      onReturn: ({ job }) => this.#putBack(job),
    });
  }

  get ready(): Promise<void> {
    return this.#crew.ready;
  }

  get analyzers(): readonly AnalyzerInfo[] {
    return this.#crew.analyzers;
  }

  get refused(): readonly RefusedModule[] {
    return this.#crew.refused;
  }

  get quarantined(): readonly QuarantinedAnalyzer[] {
    return this.#quarantine.list;
  }

  analyze(batch: AnalysisBatch, signal?: AbortSignal): Promise<BatchResult> {
    const job = new Job(batch, signal);
    if (this.#closing !== null) job.reject(new Error('the analyzer pool is closed'));
    else this.#queue.push(job);
    this.#dispatch();
    return job.result;
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      const closed = new Error('the analyzer pool is closed');
      for (const job of [...this.#queue.splice(0), ...this.#running]) job.reject(closed);
      this.#closing = this.#crew.end();
    }
    return this.#closing;
  }

  #dispatch(): void {
    for (;;) {
      while (this.#queue[0]?.settled) this.#queue.shift();
      const [job] = this.#queue;
      if (job === undefined || !this.#crew.assign((loaded) => this.#runOf(job, loaded))) return;
      this.#queue.shift();
      this.#running.add(job);
    }
  }

  #runOf(job: Job, loaded: readonly string[]) {
    const nowMs = this.#clock.monotonic();
    const analyzers = loaded.filter((name) => job.admits(name) && this.#quarantine.admits(name, nowMs));
    this.#lastId += 1;
    return { run: { job, analyzers }, request: { id: this.#lastId, batch: job.batch, analyzers } };
  }

  #onAnswer({ job, analyzers }: Run, answer: Answer): void {
    this.#running.delete(job);
    if (answer.type === 'failed') {
      job.reject(new Error(`the batch could not be analyzed: ${answer.message}`));
      return;
    }
    for (const name of analyzers) this.#quarantine.succeeded(name);
    job.resolve(answer.result);
  }

  /** Before those that wait, which are younger. */
  #putBack(job: Job): void {
    this.#running.delete(job);
    this.#queue.unshift(job);
  }

  #onInterrupt({ job, analyzers }: Run, step: number | null, why: Interruption, cause: string): void {
    const analyzer = step === null ? undefined : analyzers[step];
    if (why === 'budget' || !job.forgiveCrash()) {
      if (analyzer === undefined) job.reject(new Error(`the batch could not be analyzed: ${cause}`));
      else this.#drop(job, analyzer, why, cause);
    }
    this.#putBack(job);
    this.#dispatch();
  }

  #drop(job: Job, analyzer: string, why: Interruption, cause: string): void {
    job.drop(analyzer, why, cause);
    const quarantined = this.#quarantine.failed(analyzer, cause, this.#clock.monotonic());
    if (quarantined !== null) this.#emit({ type: 'quarantined', ...quarantined });
  }
}

import { Worker } from 'node:worker_threads';
import type { AnalyzeRequest, WorkerMessage, WorkerSetup } from './messages.js';
import { describeFailure } from './opinion.js';
import { createProgressBuffer, currentStep, ProgressReader } from './progress.js';

/** Of one worker. A batch of 64 symbols needs a few megabytes; what needs more than this is a runaway. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

export interface ThreadHandlers {
  message(message: WorkerMessage): void;
  /** What its analyzers printed. */
  output(text: string): void;
  /** It ended by itself; nothing else comes from it. */
  gone(cause: string): void;
}

/** One worker thread: what it says, what it is doing, and its end. After `end()` its handlers are not called any more. */
export class AnalyzerThread {
  readonly setup: WorkerSetup;
  readonly #worker: Worker;
  readonly #reader: ProgressReader;
  #ending: Promise<void> | null = null;

  constructor(url: URL, setup: Omit<WorkerSetup, 'progress'>, handlers: ThreadHandlers) {
    this.setup = { ...setup, progress: createProgressBuffer() };
    this.#reader = new ProgressReader(this.setup.progress);
    this.#worker = new Worker(url, {
      name: 'analyzers',
      workerData: this.setup,
      // Secrets are in the environment, and foreign code runs in there.
      env: {},
      execArgv: [],
      // Otherwise it would share this process's stdout, which belongs to results.
      stdout: true,
      stderr: true,
      resourceLimits: RESOURCE_LIMITS,
    });
    this.#listen(handlers);
  }

  post(request: AnalyzeRequest): void {
    // Nothing to transfer: the candles are in shared memory.
    this.#worker.postMessage(request, []);
  }

  /** The step it is in (a module while it loads, an analyzer later) and for how long; null when in none. */
  running(nowMs: number): { readonly step: number; readonly elapsedMs: number } | null {
    return this.#reader.read(nowMs);
  }

  /** The step that it was in when it ended. */
  get lastStep(): number | null {
    return currentStep(this.setup.progress);
  }

  /**
   * Resolves when the thread has ended. A thread inside a blocking call of the operating system ends only when that
   * returns: do not wait for it without a limit.
   */
  end(): Promise<void> {
    this.#ending ??= this.#worker.terminate().then(() => undefined);
    this.#worker.unref();
    return this.#ending;
  }

  #listen(handlers: ThreadHandlers): void {
    let cause: string | null = null;
    const unlessEnding = (action: () => void) => {
      if (this.#ending === null) action();
    };
    this.#worker
      .on('message', (message: WorkerMessage) => unlessEnding(() => handlers.message(message)))
      .on('error', (error) => {
        cause = describeFailure(error).message;
      })
      .on('exit', (code) =>
        unlessEnding(() => {
          this.#ending = Promise.resolve();
          handlers.gone(cause ?? `the thread ended with code ${code}`);
        }),
      );
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => unlessEnding(() => handlers.output(text)));
    }
  }
}

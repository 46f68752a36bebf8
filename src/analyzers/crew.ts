import { ConfigError } from '../domain/errors.js';
import type { Cancel, Clock } from '../lib/clock.js';
import type { EnabledAnalyzer } from './contract.js';
import type { AnalyzeRequest, WorkerMessage } from './messages.js';
import type { FoundModules, ModuleFile, RefusedModule } from './modules.js';
import type { AnalyzerInfo } from './registry.js';
import { AnalyzerThread } from './thread.js';

/** Longest time that one module may take to load. */
const MODULE_BUDGET_MS = 2_000;
/** How often a budget is checked while it runs. */
const CHECKS_PER_BUDGET = 20;
/** Wait before a thread that ended without having been of use is replaced. */
const RESPAWN_MS = 500;
/** Runs in one thread: while one is answered the next one is there already. */
const MOST_RUNS = 2;
/** Longest wait for a thread that does not end, for instance inside a blocking call of the operating system. */
const PATIENCE_MS = 2_000;

export type Answer = Extract<WorkerMessage, { type: 'result' | 'failed' }>;
export type Interruption = 'budget' | 'crashed';

export type CrewEvent =
  | ({ readonly type: 'refused' } & RefusedModule)
  | { readonly type: 'replaced'; readonly cause: string }
  | { readonly type: 'stray'; readonly message: string }
  | { readonly type: 'output'; readonly text: string };

export interface CrewOptions<Run> {
  readonly workers: number;
  readonly url: URL;
  readonly found: FoundModules;
  readonly enabled: readonly EnabledAnalyzer[] | null;
  readonly budgetMs: number;
  readonly clock: Clock;
  readonly onEvent: (event: CrewEvent) => void;
  /** A thread may take work now. */
  readonly onFree: () => void;
  readonly onAnswer: (run: Run, answer: Answer) => void;
  /** The run lost its thread while it was in `step`, which is null when it was in none. */
  readonly onInterrupt: (run: Run, step: number | null, why: Interruption, cause: string) => void;
  /** The run lost its thread before it began. */
  readonly onReturn: (run: Run) => void;
}

interface Assigned<Run> {
  /** Of the request. */
  readonly id: number;
  readonly run: Run;
}

type ThreadState<Run> =
  | { readonly mode: 'loading'; readonly modules: readonly ModuleFile[] }
  | {
      readonly mode: 'loaded';
      readonly loaded: readonly string[];
      /** In the order in which it works on them; none when it is idle. */
      readonly runs: readonly Assigned<Run>[];
    };

/**
 * Keeps so many threads alive and knows what each one does. A thread that runs out of a budget is ended and replaced; one
 * that ends by itself is replaced. A module that does either to its thread while it is loaded is refused from then on.
 */
export class AnalyzerCrew<Run> {
  /** Settles when the first thread is ready, or cannot be. */
  readonly ready: Promise<void>;
  readonly #options: CrewOptions<Run>;
  readonly #refused = new Map<string, RefusedModule>();
  readonly #threads = new Map<AnalyzerThread, ThreadState<Run>>();
  readonly #ending = new Set<Promise<void>>();
  readonly #respawns = new Set<Cancel>();
  #analyzers: readonly AnalyzerInfo[] = [];
  #starting: { resolve(): void; reject(reason: unknown): void } | null = null;
  #watch: Cancel | null = null;

  constructor(options: CrewOptions<Run>) {
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
    });
    for (const module of options.found.refused) this.#refuse(module);
    for (let count = 0; count < options.workers; count++) this.#spawn();
  }

  /** What the first thread has loaded. */
  get analyzers(): readonly AnalyzerInfo[] {
    return this.#analyzers;
  }

  get refused(): readonly RefusedModule[] {
    return [...this.#refused.values()];
  }

  /** Gives work to the thread with the least, made for the analyzers that it has loaded; false when none takes more. */
  assign(work: (loaded: readonly string[]) => { readonly request: AnalyzeRequest; readonly run: Run }): boolean {
    for (let depth = 0; depth < MOST_RUNS; depth++) {
      for (const [thread, state] of this.#threads) {
        if (state.mode !== 'loaded' || state.runs.length !== depth) continue;
        const { loaded, runs } = state;
        const { request, run } = work(loaded);
        this.#threads.set(thread, { mode: 'loaded', loaded, runs: [...runs, { id: request.id, run }] });
        thread.post(request);
        this.#keepWatch();
        return true;
      }
    }
    return false;
  }

  /** Ends every thread; nothing is reported any more. */
  async end(): Promise<void> {
    for (const thread of this.#threads.keys()) this.#discard(thread);
    this.#watch?.();
    for (const cancel of this.#respawns) cancel();
    let cancel: Cancel = () => {};
    const outOfPatience = new Promise<void>((resolve) => {
      cancel = this.#options.clock.setTimer(PATIENCE_MS, resolve);
    });
    await Promise.race([Promise.all(this.#ending), outOfPatience]);
    cancel();
  }

  #spawn(): void {
    const { url, found, enabled, onEvent } = this.#options;
    const modules = found.modules.filter(({ file }) => !this.#refused.has(file));
    const setup = { modules, refused: this.refused, enabled };
    const thread: AnalyzerThread = new AnalyzerThread(url, setup, {
      message: (message) => this.#onMessage(thread, message),
      output: (text) => onEvent({ type: 'output', text }),
      gone: (cause) => this.#onGone(thread, cause),
    });
    this.#threads.set(thread, { mode: 'loading', modules });
    this.#keepWatch();
  }

  #respawnLater(cause: string): void {
    this.#options.onEvent({ type: 'replaced', cause });
    const cancel = this.#options.clock.setTimer(RESPAWN_MS, () => {
      this.#respawns.delete(cancel);
      this.#spawn();
    });
    this.#respawns.add(cancel);
  }

  /** Takes a thread out of the crew and ends it, without waiting for that. */
  #discard(thread: AnalyzerThread): void {
    this.#threads.delete(thread);
    const ended = thread.end().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  #onMessage(thread: AnalyzerThread, message: WorkerMessage): void {
    switch (message.type) {
      case 'stray':
        return this.#options.onEvent(message);
      case 'ready':
        return this.#onReady(thread, message.analyzers, message.refused);
      case 'unusable':
        this.#discard(thread);
        return this.#cannotStart(message.misconfigured ? new ConfigError(message.message) : new Error(message.message));
      case 'result':
      case 'failed':
        return this.#onAnswer(thread, message);
    }
  }

  #onReady(thread: AnalyzerThread, analyzers: readonly AnalyzerInfo[], refused: readonly RefusedModule[]): void {
    for (const module of refused) this.#refuse(module);
    this.#threads.set(thread, { mode: 'loaded', loaded: analyzers.map(({ name }) => name), runs: [] });
    if (this.#starting !== null) this.#analyzers = analyzers;
    this.#starting?.resolve();
    this.#starting = null;
    this.#options.onFree();
  }

  #onAnswer(thread: AnalyzerThread, answer: Answer): void {
    const state = this.#threads.get(thread);
    if (state?.mode !== 'loaded') return;
    const [first, ...later] = state.runs;
    if (first?.id !== answer.id) return;
    this.#threads.set(thread, { mode: 'loaded', loaded: state.loaded, runs: later });
    this.#options.onAnswer(first.run, answer);
    this.#options.onFree();
  }

  #onGone(thread: AnalyzerThread, cause: string): void {
    const state = this.#threads.get(thread);
    this.#threads.delete(thread);
    if (state === undefined) return;
    if (isIdle(state)) this.#respawnLater(cause);
    else this.#recover(state, thread.lastStep, 'crashed', cause);
  }

  /** A thread is lost in the middle of something. */
  #recover(state: ThreadState<Run>, step: number | null, why: Interruption, cause: string): void {
    if (state.mode === 'loaded') {
      this.#options.onEvent({ type: 'replaced', cause });
      this.#spawn();
      const [first, ...later] = state.runs;
      // Each goes before those that wait, so the oldest is the last.
      for (const { run } of later.toReversed()) this.#options.onReturn(run);
      if (first !== undefined) this.#options.onInterrupt(first.run, step, why, cause);
      return;
    }
    const module = step === null ? undefined : state.modules[step];
    if (module === undefined) {
      this.#cannotStart(new Error(`no analyzer worker could be started: ${cause}`));
      return;
    }
    this.#refuse({ file: module.file, reason: `while it was loaded: ${cause}` });
    this.#spawn();
  }

  #cannotStart(error: Error): void {
    if (this.#starting === null) this.#respawnLater(error.message);
    this.#starting?.reject(error);
    this.#starting = null;
  }

  #refuse(module: RefusedModule): void {
    if (this.#refused.has(module.file)) return;
    this.#refused.set(module.file, module);
    this.#options.onEvent({ type: 'refused', ...module });
  }

  /** Sees to it that the budgets are checked for as long as anything runs. */
  #keepWatch(): void {
    const { clock, budgetMs } = this.#options;
    this.#watch ??= clock.setTimer(Math.min(budgetMs, MODULE_BUDGET_MS) / CHECKS_PER_BUDGET, () => {
      this.#watch = null;
      this.#checkBudgets(clock.monotonic());
      if ([...this.#threads.values()].some((state) => !isIdle(state))) this.#keepWatch();
    });
  }

  #checkBudgets(nowMs: number): void {
    for (const [thread, state] of this.#threads) {
      const running = thread.running(nowMs);
      if (running === null || isIdle(state)) continue;
      const budgetMs = state.mode === 'loaded' ? this.#options.budgetMs : MODULE_BUDGET_MS;
      if (running.elapsedMs <= budgetMs) continue;
      this.#discard(thread);
      this.#recover(state, running.step, 'budget', `ran longer than its budget of ${budgetMs} ms`);
    }
  }
}

function isIdle(state: ThreadState<unknown>): boolean {
  return state.mode === 'loaded' && state.runs.length === 0;
}

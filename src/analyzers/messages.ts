import type { AnalysisBatch, BatchResult, EnabledAnalyzer } from './contract.js';
import type { ModuleFile, RefusedModule } from './modules.js';
import type { AnalyzerInfo } from './registry.js';

/** What a worker is born with. */
export interface WorkerSetup {
  readonly modules: readonly ModuleFile[];
  /** Modules that were refused before. */
  readonly refused: readonly RefusedModule[];
  readonly enabled: readonly EnabledAnalyzer[] | null;
  readonly progress: SharedArrayBuffer;
}

/** The names are the analyzers to run, in the order in which the worker listed them when it was ready. */
export interface AnalyzeRequest {
  readonly id: number;
  readonly batch: AnalysisBatch;
  readonly analyzers: readonly string[];
}

/**
 * `ready` the registry is loaded · `unusable` it could not be (`misconfigured`: because of what the configuration
 * says) · `result` and `failed` answer a request · `stray` something was thrown outside any call, for instance from a
 * timer that an analyzer left behind.
 */
export type WorkerMessage =
  | { readonly type: 'ready'; readonly analyzers: readonly AnalyzerInfo[]; readonly refused: readonly RefusedModule[] }
  | { readonly type: 'unusable'; readonly message: string; readonly misconfigured: boolean }
  | { readonly type: 'result'; readonly id: number; readonly result: BatchResult }
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
  | { readonly type: 'stray'; readonly message: string };

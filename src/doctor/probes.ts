import type { RefusedModule } from '../analyzers/modules.js';
import type { AnalyzerInfo } from '../analyzers/registry.js';
import type { Config } from '../config/schema.js';
import type { LockState } from '../lib/directory-lock.js';
import type { ExchangeFacts } from './contract.js';

/** What is known of the process and its machine without asking anybody. */
export interface ProcessFacts {
  readonly pid: number;
  /** Without the `v`: `20.19.0`. */
  readonly nodeVersion: string;
  /** Null where users have no numbers. */
  readonly uid: number | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly execArgv: readonly string[];
  /** What the machine has, and what a container or control group leaves of it. */
  readonly memoryBytes: number;
  /** What V8 lets the heap of the main thread grow to before it ends the process. */
  readonly heapLimitBytes: number;
}

export interface DirectoryFacts {
  /** The directory itself, or the nearest one above it that exists. */
  readonly nearest: string;
  /** Mode and owner of the directory; null when it does not exist yet. */
  readonly stat: { readonly mode: number; readonly uid: number } | null;
  /** What writing into it, or creating it, threw; null when that works. */
  readonly error: unknown;
}

export interface DiskFacts {
  readonly freeBytes: number;
  /** Null when the file system does not count them. */
  readonly freeFiles: number | null;
}

/** Everything that a check asks the world. Nothing here leaves anything behind. */
export interface Probes {
  readonly process: ProcessFacts;
  /** Really writes a file into the directory, or into a new one beside where it would be, and removes it. */
  directory(path: string): Promise<DirectoryFacts>;
  /** Of the file system that holds the directory. */
  disk(path: string): Promise<DiskFacts>;
  /** Bytes of the candle cache on disk. */
  cacheBytes(dir: string): Promise<number>;
  /** Files and sockets that this process may have open; null when unknown. */
  openFilesLimit(): Promise<number | null>;
  lock(dir: string): Promise<LockState>;
  /** Binds the address and lets it go. The error's code, or null when it is free. */
  bind(host: string, port: number): Promise<string | null>;
  /** Rejects with the resolver's error. */
  resolve(host: string): Promise<readonly string[]>;
  /** Opens a connection and sends nothing on it. The error's code, or null. */
  connect(url: URL): Promise<string | null>;
  analyzers(config: Config): Promise<{
    readonly analyzers: readonly AnalyzerInfo[];
    readonly refused: readonly RefusedModule[];
  }>;
  exchange(config: Config): Promise<ExchangeFacts>;
  /** Subscribes to a few symbols and waits for data. Rejects with what came instead. */
  stream(config: Config, symbols: readonly string[]): Promise<{ readonly url: string; readonly firstFrameMs: number }>;
}

import type { Source } from '../domain/candle.js';
import type { Direction, SignalStatus } from '../domain/signal.js';
import type { Timeframe } from '../domain/timeframe.js';
import type { PressureLevel } from '../lib/memory-pressure.js';

// What the server reads, as functions that return plain data ready to be shown: instants are ISO 8601 texts, everything
// is JSON. What they return may have more members than are named here; they are passed on.

type Awaitable<T> = T | Promise<T>;

/** A signal as in `scan --json`. */
export interface SignalItem {
  readonly id: string;
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly analyzer: string;
  readonly version: string;
  readonly direction: Direction;
  readonly strength: number;
  readonly status: SignalStatus;
  /** Decimal, as the exchange writes it. */
  readonly price: string;
  readonly candleCloseTime: string;
  readonly reasons: readonly string[];
  readonly inputDigest: string;
}

export interface SignalFilter {
  readonly symbol?: string;
  readonly timeframe?: Timeframe;
  readonly analyzer?: string;
  readonly direction?: Direction;
  readonly status?: SignalStatus;
  /** Epoch ms, inclusive: close time of the signal's candle. */
  readonly since?: number;
  /** Epoch ms, inclusive. */
  readonly until?: number;
  readonly limit: number;
  readonly cursor?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** What gives the next page; null on the last one. */
  readonly nextCursor: string | null;
}

/** A cycle in short; lists in it are counts. */
export interface CycleItem {
  readonly slot: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly outcome: 'complete' | 'partial' | 'failed';
  readonly symbols: { readonly total: number; readonly analyzed: number; readonly skipped: number };
}

export interface CandleItem {
  /** Epoch ms. */
  readonly openTime: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly source: Source;
}

export interface SymbolItem {
  readonly symbol: string;
}

/** As `candlescan analyzers --json` shows it. */
export interface AnalyzerItem {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, number>>;
  readonly warmup: number;
  readonly dependsOn: readonly string[];
  readonly origin: string;
}

export interface StatusItem {
  readonly version: string;
  readonly exchange: string;
  readonly startedAt: string;
  readonly timeframes: readonly Timeframe[];
  readonly ready: boolean;
  /** The newest one, null before it. */
  readonly lastCycle: CycleItem | null;
  /** Null before it is looked at. */
  readonly memory: MemoryItem | null;
}

/** How far the process is from its limit of memory. */
export interface MemoryItem {
  /** From 2 on candles are not served, at 3 only what supervisors ask for is. */
  readonly level: PressureLevel;
  readonly limitBytes: number;
  /** The last reading. */
  readonly rssBytes: number;
}

/** Why the data is not fresh: a code, and a sentence for people. */
export interface UnreadyReason {
  readonly reason: string;
  readonly detail: string;
}

export type ReloadOutcome =
  | { readonly ok: true; readonly changed: readonly string[]; readonly needsRestart: readonly string[] }
  /** Why the configuration is wrong, in one line and without secrets; nothing has changed. */
  | { readonly ok: false; readonly reason: string };

/** Everything the server may see of the program. Functions should answer within milliseconds; 12 s is taken for never. */
export interface ServerPorts {
  readonly version: string;
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Empty when the data is fresh. */
  unready(): readonly UnreadyReason[];
  /** What it is fresh in spite of. */
  degraded(): readonly UnreadyReason[];
  /** From 2 on candles are not served, at 3 only what supervisors ask for is. */
  memoryPressure(): PressureLevel;
  status(): Awaitable<StatusItem>;
  /** Newest first. */
  cycles(limit: number): readonly CycleItem[];
  /** Newest first; null when the cursor is none of ours. */
  signals(filter: SignalFilter): Awaitable<Page<SignalItem> | null>;
  signal(id: string): Awaitable<SignalItem | null>;
  symbols(): readonly SymbolItem[];
  analyzers(): readonly AnalyzerItem[];
  /** The newest closed candles, ascending; null when the series is not held. */
  candles(symbol: string, timeframe: Timeframe, limit: number): readonly CandleItem[] | null;
  /** Reads the configuration again and puts into effect what can be without a restart. */
  reload(): Promise<ReloadOutcome>;
}

/** Where the server says what went wrong; a pino logger is one. */
export interface ServerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

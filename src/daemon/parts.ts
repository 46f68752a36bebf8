import type { AnalyzerMetrics } from '../analyzers/metrics.js';
import type { ResultCache } from '../cache/results.js';
import type { LoadedConfig } from '../config/load.js';
import type { FoundationOptions } from '../foundation.js';
import type { RootLogger } from '../lib/log.js';
import type { MemoryReading } from '../lib/memory-guard.js';
import type { AdjustableClient } from '../pipeline/exchange/contract.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';
import type { SymbolResult } from '../scheduler/remembered-analysis.js';
import type { ReloadOutcome } from '../server/ports.js';
import type { SignalStore } from '../signals/contract.js';
import type { SignalMetrics } from '../signals/metrics.js';
import type { Analyzers } from './analyzers.js';
import type { Instruments } from './instruments.js';
import type { UnreadyReason } from './readiness.js';
import type { Settings } from './settings.js';
import type { Timekeeping } from './timekeeping.js';

export interface DaemonOptions extends Omit<FoundationOptions, 'config' | 'onRequest' | 'onGateClosed'> {
  readonly loaded: LoadedConfig;
  /** Scheme and host of the exchange's streams. */
  readonly streamUrl: string;
  readonly version: string;
  readonly log: RootLogger;
  /** Reads the configuration again. Throws a `ConfigError`. */
  readonly readConfig: () => LoadedConfig;
  /** Memory is used up: the process should end and be started anew. */
  readonly onRestartWanted: () => void;
  /** Default: the memory of this process. */
  readonly memoryProbe?: () => MemoryReading;
}

export interface Daemon {
  /** `http://host:port` */
  readonly url: string;
  /** Resolves when the first cycle has ended. */
  readonly firstCycle: Promise<void>;
  /** Empty when what is served is true of the newest slot. */
  unready(): readonly UnreadyReason[];
  reload(): Promise<ReloadOutcome>;
  /**
   * Ends intake at once, lets the cycle under way publish or abandons it, writes what changed, and releases everything
   * in reverse order. May be called again.
   */
  stop(): Promise<void>;
}

/** Everything that needs no word of the exchange. */
export interface Parts {
  readonly settings: Settings;
  readonly governor: WeightGovernor;
  readonly client: AdjustableClient;
  readonly analyzers: Analyzers;
  readonly time: Timekeeping;
  readonly signals: SignalStore;
  readonly results: ResultCache<SymbolResult>;
  readonly instruments: Instruments;
  readonly analyzerMetrics: AnalyzerMetrics;
  readonly signalMetrics: SignalMetrics;
}

import type { IndicatorComparison } from '../../analyzers/indicators/benchmark.js';
import type { CycleRecord } from '../../scheduler/cycle-record.js';
import type { ScanReport } from '../scan-report.js';

/** `cold` knows nothing; `restart` finds the candles of an earlier run on disk, as many as the lookback holds. */
export type ScanMode = 'cold' | 'restart';

/**
 * A slot in a running daemon, which holds all candles but the newest: `warm` asks for these, `stream` is brought them and
 * asks for what did not come.
 */
export type LiveMode = 'warm' | 'stream';

/** One scan in a process of its own: its report, with its longest lists counted. */
export interface ScanRun extends Omit<ScanReport, 'signals' | 'excluded'> {
  readonly mode: ScanMode;
  readonly run: number;
  readonly signals: number;
  readonly excluded: number;
  /** From spawn to exit. */
  readonly processMs: number;
}

/** One cycle of a daemon. */
export interface LiveRun
  extends Pick<
    CycleRecord,
    'durationMs' | 'symbols' | 'stages' | 'requests' | 'weight' | 'signals' | 'arrivalToPublished'
  > {
  readonly mode: LiveMode;
  readonly run: number;
  /** Of the whole daemon, its cold start included. */
  readonly process: { readonly maxRssBytes: number; readonly loopDelayP99Ms: number };
}

export type BenchRun = ScanRun | LiveRun;

export interface ModeSummary {
  readonly mode: ScanMode | LiveMode;
  /** From the first request to the report; of a cycle from its start until everything is published. */
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** From spawn to exit, median; null of a daemon. */
  readonly processMs: number | null;
  /** Highest of all runs. */
  readonly maxRssBytes: number;
  /** Event-loop delay of the main thread, highest p99 of all runs. */
  readonly loopDelayP99Ms: number;
  /** Klines requests and others, median. */
  readonly requests: number;
  /** From the last candle of a batch to the publication of what was found in it, the slowest batch of all runs. */
  readonly arrivalToPublishedMs: number | null;
}

/** Ratios are of one run of the benchmark on one machine; only they can be compared between machines. */
export interface BenchReport {
  readonly schema: 1;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly node: string;
  };
  readonly runs: readonly BenchRun[];
  readonly summary: readonly ModeSummary[];
  readonly floor: {
    readonly requestsMs: number;
    readonly minMs: number;
    readonly maxMs: number;
    readonly what: string;
  };
  readonly oldWay: { readonly perSymbolMs: number; readonly wholeMarketMs: number; readonly what: string };
  readonly analysis: IndicatorComparison;
  readonly ratios: {
    /** Cold scan, first request to report, to the floor. */
    readonly coldToFloor: number;
    /** Whole process of a cold scan to the floor. */
    readonly processToFloor: number;
    /** Restart to cold scan, both from process start to exit. */
    readonly restartToCold: number;
    /** Requests of a slot that the stream brings to those of a cold scan. */
    readonly streamRequestsToCold: number | null;
    /** The old way's whole market to a cold scan. */
    readonly oldWayToCold: number;
    /** Indicators through technicalindicators to our kernels. */
    readonly technicalIndicatorsToKernels: number;
  };
}

export interface Measured {
  readonly runs: readonly BenchRun[];
  readonly floors: readonly number[];
  readonly oldWayPerSymbolMs: number;
  readonly analysis: IndicatorComparison;
  readonly requests: number;
}

export function summarize(
  measured: Measured,
): Pick<BenchReport, 'summary' | 'floor' | 'oldWay' | 'analysis' | 'ratios'> {
  const { runs, floors, oldWayPerSymbolMs, analysis, requests } = measured;
  const scans = runs.filter((run) => isScan(run));
  const cold = summaryOfScans('cold', scans);
  const restart = summaryOfScans('restart', scans);
  const live = LIVE_MODES.flatMap((mode) => summaryOfLive(mode, runs));
  const floorMs = median(floors);
  const symbols = runs[0]?.symbols.total ?? 0;
  const oldWayMs = oldWayPerSymbolMs * symbols;
  return {
    summary: [cold, restart, ...live],
    floor: {
      requestsMs: round(floorMs),
      minMs: round(Math.min(...floors)),
      maxMs: round(Math.max(...floors)),
      what: `the same ${requests} klines requests through the same window, nothing parsed; median of ${floors.length}`,
    },
    oldWay: {
      perSymbolMs: round(oldWayPerSymbolMs),
      wholeMarketMs: round(oldWayMs),
      what: 'ccxt fetchOHLCV, one symbol after another, its timeframes in parallel; measured on 64 symbols and scaled',
    },
    analysis,
    ratios: {
      coldToFloor: round(cold.medianMs / floorMs),
      processToFloor: round(cold.processMs / floorMs),
      restartToCold: round(restart.processMs / cold.processMs),
      streamRequestsToCold: ratioOf(live.find(({ mode }) => mode === 'stream')?.requests, cold.requests),
      oldWayToCold: round(oldWayMs / cold.medianMs),
      technicalIndicatorsToKernels: round(analysis.ratio),
    },
  };
}

const LIVE_MODES = ['warm', 'stream'] as const satisfies readonly LiveMode[];

function isScan(run: BenchRun): run is ScanRun {
  return run.mode === 'cold' || run.mode === 'restart';
}

function ratioOf(part: number | undefined, whole: number): number | null {
  return part === undefined ? null : Math.round((part / whole) * 10_000) / 10_000;
}

function summaryOfScans(mode: ScanMode, all: readonly ScanRun[]) {
  const runs = all.filter((run) => run.mode === mode);
  return {
    mode,
    ...times(runs),
    processMs: round(median(runs.map(({ processMs }) => processMs))),
    requests: median(runs.map(({ requests }) => requests.total)),
    arrivalToPublishedMs: null,
  };
}

/** Nothing when the mode was not run. */
function summaryOfLive(mode: LiveMode, all: readonly BenchRun[]): ModeSummary[] {
  const runs = all.filter((run): run is LiveRun => run.mode === mode);
  if (runs.length === 0) return [];
  const slowest = runs.flatMap(({ arrivalToPublished }) => arrivalToPublished?.maxMs ?? []);
  return [
    {
      mode,
      ...times(runs),
      processMs: null,
      requests: median(runs.map(({ requests }) => requests)),
      arrivalToPublishedMs: slowest.length === 0 ? null : round(Math.max(...slowest)),
    },
  ];
}

function times(runs: readonly Pick<BenchRun, 'durationMs' | 'process'>[]) {
  const durations = runs.map(({ durationMs }) => durationMs);
  return {
    medianMs: round(median(durations)),
    minMs: round(Math.min(...durations)),
    maxMs: round(Math.max(...durations)),
    maxRssBytes: Math.max(...runs.map(({ process }) => process.maxRssBytes)),
    loopDelayP99Ms: round(Math.max(...runs.map(({ process }) => process.loopDelayP99Ms))),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

import type { IndicatorComparison } from '../../analyzers/indicators/benchmark.js';
import type { ScanReport } from '../scan-report.js';

/** `cold` knows nothing; `restart` finds the candles of an earlier run on disk, as many as the lookback holds. */
export type BenchMode = 'cold' | 'restart';

/** One scan in a process of its own: its report, with its longest lists counted. */
export interface BenchRun extends Omit<ScanReport, 'signals' | 'excluded'> {
  readonly mode: BenchMode;
  readonly run: number;
  readonly signals: number;
  readonly excluded: number;
  /** From spawn to exit. */
  readonly processMs: number;
}

export interface ModeSummary {
  readonly mode: BenchMode;
  /** From the first request to the report. */
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** From spawn to exit, median. */
  readonly processMs: number;
  /** Highest of all runs. */
  readonly maxRssBytes: number;
  /** Event-loop delay of the main thread, highest p99 of all runs. */
  readonly loopDelayP99Ms: number;
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
  const cold = summaryOf('cold', runs);
  const restart = summaryOf('restart', runs);
  const floorMs = median(floors);
  const symbols = runs[0]?.symbols.total ?? 0;
  const oldWayMs = oldWayPerSymbolMs * symbols;
  return {
    summary: [cold, restart],
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
      oldWayToCold: round(oldWayMs / cold.medianMs),
      technicalIndicatorsToKernels: round(analysis.ratio),
    },
  };
}

function summaryOf(mode: BenchMode, all: readonly BenchRun[]): ModeSummary {
  const runs = all.filter((run) => run.mode === mode);
  const durations = runs.map(({ durationMs }) => durationMs);
  return {
    mode,
    medianMs: round(median(durations)),
    minMs: Math.min(...durations),
    maxMs: Math.max(...durations),
    processMs: round(median(runs.map(({ processMs }) => processMs))),
    maxRssBytes: Math.max(...runs.map(({ process }) => process.maxRssBytes)),
    loopDelayP99Ms: Math.max(...runs.map(({ process }) => process.loopDelayP99Ms)),
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

import type { SeriesWindow } from '../domain/series.js';
import { timeframeMs } from '../domain/timeframe.js';
import { type Clock, systemClock } from '../lib/clock.js';
import { BatchRun } from './batch-run.js';
import type { AnalysisBatch, BatchResult } from './contract.js';
import { ScratchArena } from './indicators/scratch.js';
import { NO_PROGRESS, type Progress } from './progress.js';
import type { ActiveAnalyzer } from './registry.js';

export interface RunnerOptions {
  /** Is told which analyzer runs, by its position in the list. */
  readonly progress?: Progress;
  readonly clock?: Pick<Clock, 'monotonic'>;
}

/**
 * Runs every analyzer over every series of the batch that is not known, in this thread. Findings are ordered by symbol
 * (as in the batch); within a symbol those of series analyzers come first, by timeframe (ascending) and then analyzer (as
 * listed), those of symbol analyzers last. An analyzer that throws or returns what its contract does not allow loses that result and
 * nothing else.
 */
export function analyzeBatch(
  batch: AnalysisBatch,
  analyzers: readonly ActiveAnalyzer[],
  { progress = NO_PROGRESS, clock = systemClock }: RunnerOptions = {},
): BatchResult {
  const startedMs = clock.monotonic();
  progress.reset();
  const { slot, known = [] } = batch;
  const run = new BatchRun({ slot, analyzers, scratch: new ScratchArena(), progress, clock, known });
  for (const windows of bySymbol(batch.series)) run.symbol(windows);
  const { findings, withheld, tally } = run;
  const { failures, runs } = tally;
  return { findings, withheld, failures, runs, durationMs: clock.monotonic() - startedMs };
}

/** The series of each symbol in the order of the batch, ascending by timeframe. */
function bySymbol(series: readonly SeriesWindow[]): readonly SeriesWindow[][] {
  const groups = new Map<string, SeriesWindow[]>();
  for (const window of series) {
    const group = groups.get(window.symbol);
    if (group === undefined) groups.set(window.symbol, [window]);
    else group.push(window);
  }
  return [...groups.values()].map((group) => group.sort((a, b) => timeframeMs(a.timeframe) - timeframeMs(b.timeframe)));
}

import type { SkipReason } from '../pipeline/source.js';
import type { CycleReport } from './report.js';

export const CYCLE_OUTCOMES = ['complete', 'partial', 'failed'] as const;
export type CycleOutcome = (typeof CYCLE_OUTCOMES)[number];

/** A symbol may be young or gone, and the cycle is whole nevertheless. */
const HARMLESS: ReadonlySet<SkipReason> = new Set(['warmup', 'delisted']);

/** `failed`: nothing could be analyzed. `partial`: a series is missing that the next cycle may have. */
export function outcomeOf({ symbols }: Pick<CycleReport, 'symbols'>): CycleOutcome {
  if (symbols.total > 0 && symbols.analyzed === 0) return 'failed';
  return symbols.skipped.every(({ reason }) => HARMLESS.has(reason)) ? 'complete' : 'partial';
}

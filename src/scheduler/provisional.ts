import type { AnalysisBatch, BatchResult } from '../analyzers/contract.js';
import type { SeriesWindow } from '../domain/series.js';
import type { Slot } from '../domain/slot.js';
import { chunk } from '../lib/chunk.js';
import { nextTurn } from '../lib/next-turn.js';

export interface ProvisionalParts {
  /** The series of a symbol as they will be at the slot if nothing changes any more; null when that is not known. */
  readonly windowsOf: (symbol: string, slot: Slot) => readonly SeriesWindow[] | null;
  readonly analyze: (batch: AnalysisBatch, signal: AbortSignal) => Promise<BatchResult>;
  /** Symbols per batch. */
  readonly size: number;
  /** What was found in a batch, and what was looked at. */
  readonly onBatch: (result: BatchResult, windows: readonly SeriesWindow[]) => Promise<void>;
}

/**
 * Looks at candles that have just ended as they were last seen, before the exchange calls them final. One batch after
 * another, so that batches of final candles get between them. Ends when `signal` fires; rejects with what a batch rejects with.
 */
export async function runProvisional(
  { windowsOf, analyze, size, onBatch }: ProvisionalParts,
  slot: Slot,
  symbols: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const batch of chunk(symbols, size)) {
    if (signal.aborted) return;
    const windows = batch.flatMap((symbol) => windowsOf(symbol, slot) ?? []);
    if (windows.length > 0) await onBatch(await analyze({ slot, series: windows }, signal), windows);
    await nextTurn();
  }
}

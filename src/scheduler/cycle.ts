import type { AnalysisBatch, BatchResult } from '../analyzers/contract.js';
import { type Signal, signalId } from '../domain/signal.js';
import type { Slot } from '../domain/slot.js';
import type { Clock } from '../lib/clock.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { CycleReport } from './report.js';
import { type FinishedBatch, summarize } from './summary.js';

export interface CycleParts {
  readonly pipeline: Pick<Pipeline, 'acquire'>;
  readonly analyzers: {
    analyze(batch: AnalysisBatch): Promise<BatchResult>;
    /** Candles that the least demanding analyzer needs. */
    readonly leastWarmup: number;
  };
  readonly clock: Clock;
  /** The exchange's id, part of every signal's identity. */
  readonly exchange: string;
  /** Symbols per batch. */
  readonly batchSymbols: number;
  /** Called after each batch with the symbols done so far. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * One run for one slot. All batches are acquired side by side through one window of requests, in order; each is
 * analyzed as soon as it is whole, while the next ones are still coming. When `signal` fires, what has not come is
 * skipped with its reason and the rest is published.
 */
export async function runCycle(
  parts: CycleParts,
  slot: Slot,
  symbols: readonly string[],
  signal: AbortSignal,
): Promise<CycleReport> {
  const { pipeline, analyzers, clock, batchSymbols, onProgress } = parts;
  const startedAt = clock.now();
  const start = clock.monotonic();
  let done = 0;
  const runBatch = async (batch: readonly string[]): Promise<FinishedBatch> => {
    const acquired = await pipeline.acquire(batch, slot, signal);
    const result = await analyzers.analyze({ slot, series: acquired.windows });
    done += batch.length;
    onProgress?.(done, symbols.length);
    return { acquired, result };
  };
  const batches = await Promise.all(chunk(symbols, batchSymbols).map(runBatch));

  const publishStart = clock.monotonic();
  const signals = publishable(parts.exchange, batches);
  const end = clock.monotonic();
  return summarize(
    { batches, symbols, signals, leastWarmup: analyzers.leastWarmup },
    { slot, startedAt, durationMs: end - start, publishMs: end - publishStart },
  );
}

function chunk<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** A finding on closed candles is a confirmed signal. Strongest first; ties in a fixed order, so that a rerun prints the same. */
function publishable(exchange: string, batches: readonly FinishedBatch[]): readonly Signal[] {
  return batches
    .flatMap(({ result }) => result.findings)
    .map((finding): Signal => ({ ...finding, id: signalId(exchange, finding), status: 'confirmed' }))
    .sort((a, b) => b.strength - a.strength || (a.id < b.id ? -1 : 1));
}

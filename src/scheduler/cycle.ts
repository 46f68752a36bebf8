import type { AnalysisBatch, BatchResult } from '../analyzers/contract.js';
import { type Finding, type Signal, signalId } from '../domain/signal.js';
import type { Slot } from '../domain/slot.js';
import { BusyTime } from '../lib/busy-time.js';
import type { Clock } from '../lib/clock.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { BatchOrder } from './batches.js';
import type { CycleReport } from './report.js';
import { type FinishedBatch, sourcesOf, summarize } from './summary.js';

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
  readonly batches: BatchOrder;
  /** Whether the order of the batches is that in which the stream brings their candles. */
  readonly streamed?: boolean;
  /** Called after each batch with the symbols done so far. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Publishes what was found in a batch. The cycle does not end before this has. */
  readonly onBatch?: (batch: FinishedBatch) => Promise<void>;
}

/**
 * One run for one slot. All batches are acquired side by side through one window of requests; each is analyzed as soon
 * as it is whole, while the next ones are still coming. When `signal` fires, what has not come is skipped with its
 * reason and the rest is published. Nothing of it goes on after it has settled, also when a batch failed.
 */
export async function runCycle(
  parts: CycleParts,
  slot: Slot,
  symbols: readonly string[],
  signal: AbortSignal,
): Promise<CycleReport> {
  const { pipeline, analyzers, clock, exchange, onProgress, onBatch } = parts;
  const startedAt = clock.now();
  const start = clock.monotonic();
  const publishing = new BusyTime(clock);
  let done = 0;
  const runBatch = async (batch: readonly string[]): Promise<FinishedBatch> => {
    const acquired = await pipeline.acquire(batch, slot, signal);
    const analysis = analyzers.analyze({ slot, series: acquired.windows });
    // While the workers are at it.
    const sources = sourcesOf(acquired.windows);
    const result = await analysis;
    const signals = result.findings.map((finding) => confirmed(exchange, finding));
    const finished = { acquired, result, signals, sources };
    if (onBatch !== undefined) await publishing.during(() => onBatch(finished));
    done += batch.length;
    onProgress?.(done, symbols.length);
    return finished;
  };
  let streamMs = 0;
  const onLast = () => {
    if (parts.streamed === true) streamMs = clock.monotonic() - start;
  };
  const batches = await allOf(parts.batches(symbols, slot, signal), runBatch, onLast);

  const sortStart = clock.monotonic();
  const signals = batches.flatMap((batch) => batch.signals).sort(strongestFirst);
  const end = clock.monotonic();
  const publishMs = publishing.totalMs + end - sortStart;
  return summarize(
    { batches, symbols, signals, leastWarmup: analyzers.leastWarmup },
    { slot, startedAt, durationMs: end - start, streamMs, publishMs },
  );
}

/** Runs each item as it comes, all side by side. Settles when all have; rejects with the first failure among them. */
async function allOf<T, R>(items: AsyncIterable<T>, run: (item: T) => Promise<R>, onLast: () => void): Promise<R[]> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = run(item);
      // It is awaited below, which may be later than it fails.
      result.catch(() => undefined);
      running.push(result);
    }
    onLast();
  } finally {
    await Promise.allSettled(running);
  }
  return Promise.all(running);
}

/** A finding on closed candles is a confirmed signal. */
function confirmed(exchange: string, finding: Finding): Signal {
  return { ...finding, id: signalId(exchange, finding), status: 'confirmed' };
}

/** Ties in a fixed order, so that a rerun prints the same. */
function strongestFirst(a: Signal, b: Signal): number {
  return b.strength - a.strength || (a.id < b.id ? -1 : 1);
}

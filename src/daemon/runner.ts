import type { Slot } from '../domain/slot.js';
import { Publisher } from '../scheduler/publisher.js';
import { RememberedAnalysis } from '../scheduler/remembered-analysis.js';
import { SlotRunner, type SlotRunnerOptions } from '../scheduler/slot-runner.js';
import type { Analyzers } from './analyzers.js';
import type { ScanningOptions } from './scanning.js';

/** What of a slot's work is the business of whoever has it done. */
type RunnerListener = Pick<SlotRunnerOptions, 'deadlineMs' | 'onCycle'>;

/** What is done at a slot, over an open market. */
export function createSlotRunner(options: ScanningOptions, listener: RunnerListener): SlotRunner {
  const { market, analyzers, results, signals, client, governor, settings, signalMetrics, time, log } = options;
  const { timeframes, exchange } = settings.config;
  const { live, pipeline, store, batches, symbols } = market;
  const pool = countedPool(options);
  const foretell = (symbol: string, slot: Slot) => live?.provisional(symbol, slot) ?? null;
  return new SlotRunner({
    timeframes,
    pipeline,
    store,
    batches,
    symbols,
    governor,
    ...listener,
    streamed: live !== null,
    arrivedAt: (symbol) => live?.arrivedAt(symbol) ?? null,
    provisional: () => (live !== null && settings.config.cycle.provisional ? foretell : null),
    analysis: new RememberedAnalysis({ pool, results }),
    leastWarmup: () => analyzers.leastWarmup,
    publisher: new Publisher({
      signals,
      exchange: exchange.id,
      pool,
      onPublished: (changes) => signalMetrics.published(changes),
    }),
    batchSymbols: () => settings.config.batch.symbols,
    exchange: exchange.id,
    clock: time.exchangeClock,
    requests: () => client.stats(),
    onError: (err) => log.error({ err }, 'something beside a cycle failed'),
  });
}

/** The analyzers of the moment, with their work counted. */
function countedPool({ analyzers, analyzerMetrics }: ScanningOptions) {
  return {
    get analyzers() {
      return analyzers.analyzers;
    },
    analyze: async (...batch: Parameters<Analyzers['analyze']>) => {
      const result = await analyzers.analyze(...batch);
      analyzerMetrics.analyzed(result);
      return result;
    },
  };
}

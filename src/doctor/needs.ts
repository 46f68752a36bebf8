import type { Config } from '../config/schema.js';

// What a configuration will take of the machine, estimated from it alone, so that it can be judged before the exchange is.

/** More than the exchange has of one contract type and quote (570 in 2026-08, EXCHANGE.md §1.2). */
const MOST_SYMBOLS = 600;
/** Six columns of 8 bytes and a source, and a quarter more rows than are kept (`Series`). */
const BYTES_PER_CANDLE = 1.25 * 49;
const MIB = 2 ** 20;
/**
 * A scan of 530 symbols with one worker peaks at 178 MiB (`scan --json`, `process.maxRssBytes`), of which its series are
 * 28; the daemon's server, streams and store come on top.
 */
const BASE_BYTES = 200 * MIB;
/** Heap, stack and compiled code of each further worker: measured 13 MiB. */
const WORKER_BYTES = 16 * MIB;
/**
 * Outside of the main thread's heap and without candles: a daemon of 530 symbols with one worker had 148 MiB at rest
 * (247 resident, heap 70, candles 29), a third of it buffers that waited for the collector.
 */
const OUTSIDE_HEAP_BYTES = 100 * MIB;

/** Log, database, cache files, threads, watchers and what is open for a moment. */
const OTHER_FILES = 96;
/** Of the HTTP API and its stream. */
const CLIENTS = 64;

/** Symbols that the configuration scans at most. */
export function mostSymbols({ universe }: Config): number {
  const named = universe.include.some((entry) => entry.startsWith('/')) ? 0 : universe.include.length;
  return Math.min(universe.maxSymbols ?? MOST_SYMBOLS, named || MOST_SYMBOLS);
}

export function candleBytes(config: Config): number {
  return Math.ceil(mostSymbols(config) * config.timeframes.length * config.candles.lookback * BYTES_PER_CANDLE);
}

export function memoryBytes(config: Config): number {
  return BASE_BYTES + (config.analyzers.workers - 1) * WORKER_BYTES + candleBytes(config);
}

/** What the process surely has beside the heap of the main thread; candles are among it, in shared memory. */
export function outsideHeapBytes(config: Config): number {
  return OUTSIDE_HEAP_BYTES + (config.analyzers.workers - 1) * WORKER_BYTES + candleBytes(config);
}

/** Only the base timeframe is streamed. */
export function streamConnections({ stream }: Config, symbols: number): number {
  return stream.enabled ? Math.ceil(symbols / stream.streamsPerConnection) : 0;
}

export function openFiles(config: Config): number {
  // A connection is renewed by opening its successor first.
  const streams = 2 * streamConnections(config, mostSymbols(config));
  return config.batch.requestsInFlight + streams + CLIENTS + OTHER_FILES;
}

import { join } from 'node:path';
import type { PoolEvent } from './analyzers/pool.js';
import { ResultCache } from './cache/results.js';
import { Analyzers } from './daemon/analyzers.js';
import { Instruments } from './daemon/instruments.js';
import type { Daemon, DaemonOptions, Parts } from './daemon/parts.js';
import { RunningDaemon } from './daemon/running.js';
import { Settings } from './daemon/settings.js';
import { openTimekeeping } from './daemon/timekeeping.js';
import type { Timeframe } from './domain/timeframe.js';
import { type FoundationOptions, openClient, openGovernor } from './foundation.js';
import type { Clock } from './lib/clock.js';
import type { Logger } from './lib/log.js';
import { Releasers } from './lib/releasers.js';
import { RESULTS, type SymbolResult } from './scheduler/remembered-analysis.js';
import type { SignalStore } from './signals/contract.js';
import { openSignalStore } from './signals/store.js';

/**
 * Builds the parts in order and begins to serve; behind that the market is opened, again and again until the exchange
 * answers. Rejects with a `ConfigError` where the configuration cannot be put into effect.
 */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const releasers = new Releasers();
  try {
    const parts = await openParts(options, releasers);
    const daemon = new RunningDaemon(options, parts, releasers);
    await daemon.open();
    return daemon;
  } catch (error) {
    await releasers.release();
    throw error;
  }
}

async function openParts(options: DaemonOptions, releasers: Releasers): Promise<Parts> {
  const { clock, random, log, loaded, version } = options;
  const { config } = loaded;
  const { timeframes } = config;
  const foundation = foundationOf(options);
  const governor = openGovernor(foundation, releasers);
  const instruments = new Instruments(governor, { version, timeframes });
  const analyzers = await openAnalyzers(options, instruments, releasers);
  const names = analyzers.analyzers.map(({ name }) => name);
  const analyzerMetrics = instruments.watchAnalyzers(names, () => analyzers);
  const client = await openClient({ ...foundation, onRequest: instruments.onRequest }, governor, releasers);
  const time = openTimekeeping({ client, governor, clock, random, log: log.child({ part: 'time' }), releasers });
  instruments.watchTime(time);
  const signals = await openSignals(options, time.exchangeClock, log.child({ part: 'signals' }));
  releasers.push(() => signals.close());
  const signalMetrics = instruments.watchSignals(signals, names, timeframes);
  const results = new ResultCache<SymbolResult>({ maxEntries: RESULTS });
  const settings = new Settings(loaded);
  return { settings, governor, client, analyzers, time, signals, results, instruments, analyzerMetrics, signalMetrics };
}

function foundationOf(options: DaemonOptions): FoundationOptions {
  const log = options.log.child({ part: 'exchange' });
  return {
    ...options,
    config: options.loaded.config,
    onGateClosed: ({ until, reason }, unsaved) => {
      log.warn({ until: new Date(until).toISOString(), reason }, 'the exchange closed its gate');
      if (unsaved !== null) log.error({ err: unsaved }, 'a restart will not know that the gate is closed');
    },
  };
}

/** One each, because the log counts what is repeated under its first line. */
const EVENTS: Readonly<Record<PoolEvent['type'], string>> = {
  refused: 'a module of analyzers is left out',
  quarantined: 'an analyzer is kept away for a while',
  replaced: 'a thread of analyzers was replaced',
  stray: 'an analyzer threw outside any call',
  output: 'an analyzer printed something',
};

async function openAnalyzers(
  { clock, loaded, log }: DaemonOptions,
  instruments: Instruments,
  releasers: Releasers,
): Promise<Analyzers> {
  const own = log.child({ part: 'analyzers' });
  const analyzers = await Analyzers.start(loaded.config.analyzers, {
    clock,
    onEvent: (event) => {
      instruments.onAnalyzerEvent(event);
      own.warn(event, EVENTS[event.type]);
    },
  });
  releasers.push(() => analyzers.close());
  return analyzers;
}

/** `clock` stamps the signals. */
function openSignals({ loaded }: DaemonOptions, clock: Clock, log: Logger): Promise<SignalStore> {
  const { config } = loaded;
  return openSignalStore({
    dir: join(config.dataDir, 'signals'),
    clock,
    longestTimeframe: config.timeframes.at(-1) as Timeframe,
    retentionMs: config.signals.retentionMs,
    onNotice: (notice) => log.warn(notice, 'the signals on disk'),
  });
}

import { loadConfig } from '../config/load.js';
import { openDaemon } from '../daemon.js';
import { refuseToStart, runDoctor } from '../doctor/doctor.js';
import { systemProbes } from '../doctor/system-probes.js';
import { type Clock, systemClock } from '../lib/clock.js';
import { guardInspector } from '../lib/inspector-guard.js';
import type { RootLogger } from '../lib/log.js';
import { Releasers } from '../lib/releasers.js';
import { createServiceManager, type Send, type ServiceManager } from '../lib/service-manager.js';
import { BINANCE_STREAM_URL } from '../pipeline/stream/stream-source.js';
import { colourAllowed, configSources } from './common.js';
import { type OpenExchange, openExchange } from './embedded.js';
import { Ending } from './ending.js';
import { EXIT, type Io } from './io.js';
import { lockDataDir } from './lock-data-dir.js';
import { createLogger } from './logger.js';
import type { RunOptions } from './run.js';
import { version } from './version.js';

/** Runs the daemon until it is asked to stop. Resolves to the exit code. */
export async function runDaemon(options: RunOptions, io: Io): Promise<number> {
  const clock = systemClock;
  const readConfig = () => loadConfig(configSources(options, io));
  const loaded = readConfig();
  const { config } = loaded;
  const log = await createLogger(config.log.level, io, colourAllowed(options, io), { fold: {}, hide: config, clock });
  const releasers = new Releasers();
  releasers.push(() => log.close());
  const guard = guardInspector({
    clock,
    nodeOptions: io.env['NODE_OPTIONS'],
    onAttempt: (attempt) => log.warn(attempt, 'a debugger is not let in'),
  });
  releasers.push(async () => guard());
  // Until there is something to reload: the signal's default is the end of the process.
  const ignoreReload = () => log.warn('asked to reload while starting; the configuration was read just now');
  process.on('SIGHUP', ignoreReload);
  releasers.push(async () => void process.off('SIGHUP', ignoreReload));
  const end = new Ending(io, log, clock);
  end.watch();
  releasers.push(async () => end.unwatch());
  try {
    const lock = await lockDataDir(loaded, 'run', clock);
    releasers.push(() => lock.release());
    await refuseWhatCannotWork(loaded, io, clock);
    const exchange = await openExchange(config, { latencyMs: options.latencyMs, symbols: config.universe.maxSymbols });
    releasers.push(() => exchange.close());
    return await serve({ options, io, loaded, readConfig, log, clock, end, exchange, ignoreReload, releasers });
  } finally {
    await releasers.release();
  }
}

interface Course {
  readonly options: RunOptions;
  readonly io: Io;
  readonly loaded: ReturnType<typeof loadConfig>;
  readonly readConfig: () => ReturnType<typeof loadConfig>;
  readonly log: RootLogger;
  readonly clock: Clock;
  readonly end: Ending;
  readonly exchange: OpenExchange;
  readonly ignoreReload: () => void;
  readonly releasers: Releasers;
}

/** Until it is asked to stop. Resolves to the exit code. */
async function serve(course: Course): Promise<number> {
  const { io, loaded, readConfig, log, clock, end, exchange, ignoreReload, releasers } = course;
  log.info({ version: version(), node: process.version, exchange: exchange.name }, 'starting');
  const daemon = await openDaemon({
    loaded,
    readConfig,
    restUrl: exchange.restUrl,
    streamUrl: exchange.streamUrl ?? BINANCE_STREAM_URL,
    cacheName: exchange.name,
    clock,
    random: Math.random,
    version: version(),
    log,
    onRestartWanted: () => end.ask('memory is used up', EXIT.failed),
  });
  releasers.push(() => daemon.stop());
  const manager = createManager(io, clock, () => daemon.unready().every(({ reason }) => reason !== 'stale'));
  releasers.push(() => manager.stop());
  const reload = () => void daemon.reload().catch((err: unknown) => log.error({ err }, 'could not reload'));
  process.on('SIGHUP', reload);
  process.off('SIGHUP', ignoreReload);
  releasers.push(async () => void process.off('SIGHUP', reload));
  const tellReady = async () => {
    await daemon.firstCycle;
    log.info({ url: daemon.url }, 'ready');
    manager.ready();
  };
  void tellReady();
  const exitCode = await end.asked;
  manager.stopping();
  await daemon.stop();
  log.writeRepeated();
  log.info('stopped');
  return manager.exitCode(exitCode);
}

function createManager(io: Io, clock: Clock, isAlive: () => boolean): ServiceManager {
  const send = process.send?.bind(process) as Send | undefined;
  return createServiceManager({ env: io.env, clock, send, isAlive });
}

/** What a careful operator would check by hand, the part that is local and quick. */
async function refuseWhatCannotWork(loaded: Course['loaded'], io: Io, clock: Clock): Promise<void> {
  const addresses = () => Promise.reject(new Error('the short form asks no exchange'));
  const probes = systemProbes({ env: io.env, clock, random: Math.random, addresses });
  refuseToStart(await runDoctor({ config: loaded, probes, clock, short: true }), loaded);
}

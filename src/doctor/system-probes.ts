import { lookup } from 'node:dns/promises';
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { createAnalyzerPool } from '../analyzers/pool.js';
import { summarize } from '../cache/maintenance.js';
import type { Config } from '../config/schema.js';
import type { Clock } from '../lib/clock.js';
import { readHolder } from '../lib/directory-lock.js';
import type { Random } from '../lib/random.js';
import { type ExchangeAddresses, probeExchange, probeStream } from './exchange-probe.js';
import { openFilesLimit, probeDirectory, probeDisk } from './file-probes.js';
import type { Probes, ProcessFacts } from './probes.js';
import { tryBind, tryConnect } from './socket-probes.js';

export interface SystemProbesOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Where the exchange is; called when a check needs it first. */
  readonly addresses: (config: Config) => Promise<ExchangeAddresses>;
}

/** The real world. */
export function systemProbes(options: SystemProbesOptions): Probes {
  const { env, clock, random, addresses } = options;
  const at = async (config: Config) => ({ config, clock, random, ...(await addresses(config)) });
  return {
    process: processFacts(env),
    directory: probeDirectory,
    disk: probeDisk,
    cacheBytes: async (dir) => (await summarize(dir)).diskBytes,
    openFilesLimit,
    lock: (dir) => readHolder(dir, { clock }),
    bind: tryBind,
    resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    connect: (url) => tryConnect(url, clock),
    analyzers: (config) => loadAnalyzers(config, clock),
    exchange: async (config) => await probeExchange(await at(config)),
    stream: async (config, symbols) => await probeStream(await at(config), symbols),
  };
}

function processFacts(env: SystemProbesOptions['env']): ProcessFacts {
  // Where nothing constrains it, the number is 0 or absurd.
  const allowed = process.constrainedMemory();
  return {
    pid: process.pid,
    nodeVersion: process.versions.node,
    uid: process.getuid?.() ?? null,
    env,
    execArgv: process.execArgv,
    memoryBytes: allowed > 0 ? Math.min(allowed, totalmem()) : totalmem(),
    heapLimitBytes: getHeapStatistics().heap_size_limit,
  };
}

async function loadAnalyzers({ analyzers: { enabled, paths, budgetMs } }: Config, clock: Clock) {
  const pool = await createAnalyzerPool({ workers: 1, enabled, paths, budgetMs, clock });
  const { analyzers, refused } = pool;
  await pool.close();
  return { analyzers, refused };
}

import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Secret } from '../lib/secret.js';
import { enabledAnalyzers, host, hostOrOrigin, symbolOrRegex, timeframes } from './entries.js';
import { sink } from './sinks.js';
import { baseUrl, distinct, flag, list, oneOf, path, secret, share, size, span, text, timer, whole } from './values.js';

// The shape of the configuration: every section and key, what each may hold, and the typed result, in which durations
// are milliseconds and sizes bytes. What a key means, its default and why stand in `config/default.yaml`.

const MIB = 2 ** 20;
const TIB = 2 ** 40;

const EXCHANGES = ['binanceusdm', 'sim'] as const;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const CONTRACT_TYPES = ['PERPETUAL', 'TRADIFI_PERPETUAL', 'CURRENT_QUARTER', 'NEXT_QUARTER'] as const;

const exchange = z.pipe(
  z.strictObject({
    id: oneOf(EXCHANGES),
    restUrl: z.nullable(baseUrl('http')),
    streamUrl: z.nullable(baseUrl('ws')),
    weightShare: share(),
    requestTimeout: timer(),
  }),
  z.transform(({ requestTimeout: requestTimeoutMs, ...rest }) => ({ ...rest, requestTimeoutMs })),
);

const universe = z.pipe(
  z.strictObject({
    quote: text(/^[A-Z0-9]{1,20}$/, 'an asset in upper case, such as USDT'),
    include: list(symbolOrRegex(), 'symbols or /regex/'),
    exclude: list(symbolOrRegex(), 'symbols or /regex/'),
    contractTypes: list(oneOf(CONTRACT_TYPES), 'contract types').check(
      z.minLength(1, { error: `at least one of ${CONTRACT_TYPES.join(' ')}` }),
    ),
    maxSymbols: z.nullable(whole(1, 10_000)),
    minAge: z.nullable(span()),
    minQuoteVolume24h: z.nullable(
      z.number({ error: 'a number above 0' }).check(z.gt(0, { error: 'a number above 0' })),
    ),
    refreshEvery: timer(),
  }),
  z.transform(({ minAge: minAgeMs, refreshEvery: refreshEveryMs, ...rest }) => ({ ...rest, minAgeMs, refreshEveryMs })),
);

const cycle = z.pipe(
  z.strictObject({ settle: timer(), deadline: timer(), provisional: flag() }),
  z.transform(({ settle: settleMs, deadline: deadlineMs, ...rest }) => ({ ...rest, settleMs, deadlineMs })),
);

const cache = z.pipe(
  z.strictObject({
    l1MaxSize: size(MIB, TIB),
    l2Dir: z.nullable(path()),
    l2MaxSize: size(MIB, TIB),
    flushEvery: timer(),
  }),
  z.transform(({ l1MaxSize: l1MaxSizeBytes, l2MaxSize: l2MaxSizeBytes, flushEvery: flushEveryMs, l2Dir }) => ({
    l1MaxSizeBytes,
    l2Dir,
    l2MaxSizeBytes,
    flushEveryMs,
  })),
);

const analyzers = z.pipe(
  z.strictObject({
    /** Null is every built-in analyzer with its own parameters. */
    enabled: z.nullable(enabledAnalyzers()),
    paths: list(path(), 'paths'),
    workers: z.nullable(whole(1, 256)),
    budget: timer(),
  }),
  z.transform(({ budget: budgetMs, ...rest }) => ({ ...rest, budgetMs })),
);

const server = z.strictObject({
  host: host('a host name or an IP address'),
  port: whole(0, 65_535),
  token: z.nullable(
    secret(/^[\x21-\x7e]+$/, 'visible ASCII characters, from the environment only (CANDLESCAN_SERVER__TOKEN)'),
  ),
  allowedHosts: list(host('a host name or an IP address, without port'), 'host names'),
  allowedOrigins: list(hostOrOrigin(), 'host names or origins'),
});

/** Sections, each with keys, and a few keys of their own; nothing is nested deeper but in lists. */
export const schema = z.strictObject({
  exchange,
  universe,
  timeframes: timeframes(),
  candles: z.strictObject({ lookback: whole(1, 10_000), firstLook: whole(1, 1_500), derive: flag() }),
  cycle,
  batch: z.strictObject({ symbols: whole(1, 512), requestsInFlight: whole(1, 1_024) }),
  stream: z.strictObject({ enabled: flag(), streamsPerConnection: whole(1, 1_024) }),
  cache,
  analyzers,
  signals: z.pipe(
    z.strictObject({ retention: span() }),
    z.transform(({ retention: retentionMs }) => ({ retentionMs })),
  ),
  notify: z.strictObject({
    sinks: list(sink(), 'sinks').check(distinct((item) => item.name, 'each sink name once')),
    queueMax: whole(1, 1_000_000),
  }),
  server,
  memory: z.pipe(
    z.strictObject({ limit: size(64 * MIB, TIB) }),
    z.transform(({ limit: limitBytes }) => ({ limitBytes })),
  ),
  log: z.strictObject({ level: oneOf(LOG_LEVELS) }),
  dataDir: path(),
});

type Frozen<T> = T extends Secret ? T : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

export type Parsed = z.output<typeof schema>;

/** Fills what depends on other keys or on the machine; `cores` is the number of processors. */
export function complete(parsed: Parsed, cores: number) {
  const { analyzers, cache, dataDir } = parsed;
  return {
    ...parsed,
    analyzers: { ...analyzers, workers: analyzers.workers ?? Math.max(1, cores - 1) },
    cache: { ...cache, l2Dir: cache.l2Dir ?? join(dataDir, 'cache') },
  };
}

/** The typed configuration, frozen. Paths are absolute; null is "none", or "all built-in" for `analyzers.enabled`. */
export type Config = Frozen<ReturnType<typeof complete>>;

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEFAULTS_FILE } from '../../src/config/file.js';
import { KEYS, SECTIONS } from '../../src/config/keys.js';
import { loadConfig } from '../../src/config/load.js';

const defaults = parse(readFileSync(DEFAULTS_FILE, 'utf8')) as Record<string, unknown>;

/** The table of the contract, and the key of `--log-level`. */
const CONTRACT: Readonly<Record<string, unknown>> = {
  'exchange.id': 'binanceusdm',
  'exchange.restUrl': null,
  'exchange.streamUrl': null,
  'exchange.weightShare': 0.8,
  'exchange.requestTimeout': '10s',
  'universe.quote': 'USDT',
  'universe.include': [],
  'universe.exclude': [],
  'universe.contractTypes': ['PERPETUAL'],
  'universe.maxSymbols': null,
  'universe.minAge': null,
  'universe.minQuoteVolume24h': null,
  'universe.refreshEvery': '10m',
  timeframes: ['5m', '15m', '1h'],
  'candles.lookback': 300,
  'candles.firstLook': 99,
  'candles.derive': true,
  'cycle.settle': '2500ms',
  'cycle.deadline': '30s',
  'cycle.provisional': true,
  'batch.symbols': 64,
  'batch.requestsInFlight': 192,
  'stream.enabled': true,
  'stream.streamsPerConnection': 200,
  'cache.l1MaxSize': '128MiB',
  'cache.l2Dir': null,
  'cache.l2MaxSize': '512MiB',
  'cache.flushEvery': '5m',
  'analyzers.enabled': null,
  'analyzers.paths': [],
  'analyzers.workers': null,
  'analyzers.budget': '2s',
  'signals.retention': '90d',
  'notify.sinks': [],
  'notify.queueMax': 10_000,
  'server.host': '127.0.0.1',
  'server.port': 9_530,
  'server.token': null,
  'server.allowedHosts': ['localhost', '127.0.0.1', '::1'],
  'server.allowedOrigins': ['localhost', '127.0.0.1', '::1'],
  'memory.limit': '1GiB',
  'log.level': 'info',
  dataDir: './data',
};

function flatten(tree: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(tree).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([key, leaf]) => [`${name}.${key}`, leaf])
      : [[name, value]],
  );
  return Object.fromEntries(entries) as Record<string, unknown>;
}

describe('config/default.yaml', () => {
  it('gives every key of the contract its default, and has no other key', () => {
    expect(flatten(defaults)).toEqual(CONTRACT);
  });

  it('has exactly the keys and sections of the schema', () => {
    expect(Object.keys(flatten(defaults)).toSorted()).toEqual([...KEYS.keys()].toSorted());
    const sections = Object.keys(defaults).filter((name) => !KEYS.has(name));
    expect(sections.toSorted()).toEqual([...SECTIONS].toSorted());
  });

  it('loads without a warning', () => {
    expect(loadConfig().warnings).toEqual([]);
  });
});

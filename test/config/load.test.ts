import { resolve } from 'node:path';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import type { Timeframe } from '../../src/domain/timeframe.js';
import type { Secret } from '../../src/lib/secret.js';
import { configFiles } from '../support/config-files.js';

const file = configFiles();

describe('loadConfig', () => {
  it('gives durations in milliseconds, sizes in bytes and paths absolute', () => {
    const { config } = loadConfig({ set: ['universe.minAge=14d', 'signals.retention=90d'], cores: 8 });
    expect(config.exchange.requestTimeoutMs).toBe(10_000);
    expect(config.universe).toMatchObject({ minAgeMs: 1_209_600_000, refreshEveryMs: 600_000 });
    expect(config.cycle).toEqual({ settleMs: 2_500, deadlineMs: 30_000, provisional: true });
    expect(config.cache).toEqual({
      l1MaxSizeBytes: 134_217_728,
      l2MaxSizeBytes: 536_870_912,
      l2Dir: resolve('data', 'cache'),
      flushEveryMs: 300_000,
    });
    expect(config.analyzers).toEqual({ enabled: null, paths: [], workers: 7, budgetMs: 2_000 });
    expect(config.signals.retentionMs).toBe(7_776_000_000);
    expect(config.memory.limitBytes).toBe(2 ** 30);
    expect(config.dataDir).toBe(resolve('data'));
  });

  it('has a precise type', () => {
    expectTypeOf<Config['timeframes']>().toEqualTypeOf<readonly [Timeframe, ...Timeframe[]]>();
    expectTypeOf<Config['server']['token']>().toEqualTypeOf<Secret | null>();
    expectTypeOf<Config['exchange']['id']>().toEqualTypeOf<'binanceusdm' | 'sim'>();
    expectTypeOf<Config['universe']['minAgeMs']>().toEqualTypeOf<number | null>();
    expectTypeOf<Config['cache']['l2Dir']>().toEqualTypeOf<string>();
  });

  it('is frozen to the bottom', () => {
    const { config } = loadConfig({ set: ['analyzers.enabled=[{name: trend, parameters: {fast: 9}}]'] });
    const parameters = config.analyzers.enabled?.[0]?.parameters;
    expect(parameters).toEqual({ fast: 9 });
    expect(
      [config, config.exchange, config.timeframes, config.analyzers.enabled, parameters].every(Object.isFrozen),
    ).toBe(true);
  });

  it('sorts timeframes so that the first is the base', () => {
    expect(loadConfig({ set: ['timeframes=1h,1m,1d'] }).config.timeframes).toEqual(['1m', '1h', '1d']);
  });

  it('keeps at least one worker on a single processor', () => {
    expect(loadConfig({ cores: 1 }).config.analyzers.workers).toBe(1);
  });

  it('puts the disk cache into the data directory unless told otherwise', () => {
    expect(loadConfig({ dataDir: '/var/lib/x' }).config.cache.l2Dir).toBe('/var/lib/x/cache');
    expect(loadConfig({ dataDir: '/var/lib/x', set: ['cache.l2Dir=/fast'] }).config.cache.l2Dir).toBe('/fast');
  });

  it('reduces addresses to scheme, host and port', () => {
    const set = ['exchange.restUrl=http://127.0.0.1:9000/', 'exchange.streamUrl=wss://Example.com:443'];
    const { exchange } = loadConfig({ set }).config;
    expect([exchange.restUrl, exchange.streamUrl]).toEqual(['http://127.0.0.1:9000', 'wss://example.com']);
  });

  it('reads a sink with what it may leave out', () => {
    const set = ['notify.sinks=[{name: ops, type: file, path: /tmp/signals.jsonl, minStrength: 0.5}]'];
    expect(loadConfig({ set }).config.notify.sinks).toEqual([
      {
        name: 'ops',
        type: 'file',
        path: '/tmp/signals.jsonl',
        minStrength: 0.5,
        statuses: ['confirmed'],
        analyzers: null,
      },
    ]);
  });

  it('accepts symbols outside ASCII, as the exchange has them', () => {
    const include = ['币安人生USDT', '1000PEPEUSDT', 'BTCUSDT_261225', '/^(BTC|ETH)/'];
    expect(loadConfig({ set: [`universe.include=${include.join(',')}`] }).config.universe.include).toEqual(include);
  });
});

describe('precedence', () => {
  const first = file('first.yaml', 'batch: { symbols: 1 }\nuniverse:\n  include: [BTCUSDT, ETHUSDT]\ncache:\n');
  const second = file('second.json', '{"batch": {"symbols": 2}}');
  const env = { CANDLESCAN_BATCH__SYMBOLS: '3' };
  const set = ['batch.symbols=4', 'batch.symbols=5'];
  const effective = (...sources: Parameters<typeof loadConfig>) => {
    const { config, origins } = loadConfig(...sources);
    return [config.batch.symbols, origins.get('batch.symbols')];
  };

  it('lets --set win over environment over later files over earlier files over defaults', () => {
    expect(effective({})).toEqual([64, 'default']);
    expect(effective({ files: [first] })).toEqual([1, `file ${first}`]);
    expect(effective({ files: [first, second] })).toEqual([2, `file ${second}`]);
    expect(effective({ files: [second, first] })).toEqual([1, `file ${first}`]);
    expect(effective({ files: [first, second], env })).toEqual([3, 'env CANDLESCAN_BATCH__SYMBOLS']);
    expect(effective({ files: [first, second], env, set })).toEqual([5, '--set']);
    expect(effective({ files: [first], set })).toEqual([5, '--set']);
    expect(effective({ env, set })).toEqual([5, '--set']);
  });

  it('keeps what later sources do not mention', () => {
    const { config, origins } = loadConfig({ files: [first, second] });
    expect(config.universe.include).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(origins.get('universe.include')).toBe(`file ${first}`);
    expect(origins.get('batch.requestsInFlight')).toBe('default');
  });

  it('replaces a list instead of joining it', () => {
    const { config } = loadConfig({ files: [first], env: { CANDLESCAN_UNIVERSE__INCLUDE: 'SOLUSDT' } });
    expect(config.universe.include).toEqual(['SOLUSDT']);
  });

  it('lets --data-dir and --log-level win over everything', () => {
    const { config, origins } = loadConfig({ set: ['dataDir=/a', 'log.level=warn'], dataDir: '/b', logLevel: 'debug' });
    expect([config.dataDir, origins.get('dataDir')]).toEqual(['/b', '--data-dir']);
    expect([config.log.level, origins.get('log.level')]).toEqual(['debug', '--log-level']);
  });

  it('knows the origin of every key', () => {
    const { origins, shown } = loadConfig();
    expect([...origins.keys()]).toEqual([...shown.keys()]);
  });

  it('takes null to remove what an earlier source set', () => {
    const limited = file('limited.yaml', 'universe: { maxSymbols: 10, minAge: 1d }');
    const env = { CANDLESCAN_UNIVERSE__MAX_SYMBOLS: 'null' };
    const { universe } = loadConfig({ files: [limited], env, set: ['universe.minAge=null'] }).config;
    expect([universe.maxSymbols, universe.minAgeMs]).toEqual([null, null]);
  });
});

describe('warnings', () => {
  it('says when only one of two addresses of the exchange is replaced', () => {
    const rest = loadConfig({ set: ['exchange.restUrl=http://127.0.0.1:1'] });
    expect(rest.warnings).toEqual([
      expect.stringContaining('exchange.streamUrl is not: candles are streamed from the exchange'),
    ]);
    const off = loadConfig({ set: ['exchange.restUrl=http://127.0.0.1:1', 'stream.enabled=false'] });
    expect(off.warnings).toEqual([]);
    const stream = loadConfig({ set: ['exchange.streamUrl=ws://127.0.0.1:1'] });
    expect(stream.warnings).toEqual([expect.stringContaining('exchange.restUrl is not: requests go to the exchange')]);
  });

  it('says when an open server would refuse everybody outside', () => {
    const sources = { set: ['server.host=0.0.0.0'], env: { CANDLESCAN_SERVER__TOKEN: 't0ken' } };
    expect(loadConfig(sources).warnings).toEqual([expect.stringContaining('server.allowedHosts')]);
    const named = { ...sources, set: [...sources.set, 'server.allowedHosts=scan.example'] };
    expect(loadConfig(named).warnings).toEqual([]);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readableBytes } from '../../src/doctor/amounts.js';
import { isAtLeast, nodeSupport, OLDEST_NODE, supportedLines } from '../../src/doctor/node-releases.js';
import { ConfigError } from '../../src/domain/errors.js';
import { checkOf, failing, HEALTHY_EXCHANGE, HEALTHY_PROCESS, type Patient } from '../support/doctor.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

type Row = readonly [what: string, id: string, patient: Patient, status: string, found: RegExp];

const running = (changes: Partial<typeof HEALTHY_PROCESS>): Patient => ({
  probes: { process: { ...HEALTHY_PROCESS, ...changes } },
});
const set = (...settings: string[]): Patient => ({ config: { set: settings } });
const exchange = (changes: Partial<typeof HEALTHY_EXCHANGE>, ...settings: string[]): Patient => ({
  ...set(...settings),
  probes: { exchange: async () => ({ ...HEALTHY_EXCHANGE, ...changes }) },
});
const named = (count: number) => Array.from({ length: count }, (_, index) => `S${index}USDT`);
const holder = { pid: 77, startedAt: '2026-01-01T00:00:00.000Z', version: '1.0.0', command: 'run' };
const analyzer = (name: string, warmup: number) => ({
  name,
  warmup,
  kind: 'series' as const,
  version: '1.0.0',
  description: '',
  origin: 'built-in',
  parameters: {},
  dependsOn: [],
});
const discord = {
  CANDLESCAN_NOTIFY__SINKS: '[{name: alarm, type: discord}]',
  CANDLESCAN_NOTIFY__SINKS__ALARM__URL: 'https://discord.test/api/webhooks/1/very-secret',
};

const PROCESS: Row[] = [
  ['a Node that is too old', 'node-version', running({ nodeVersion: '20.18.3' }), 'fail', /^20\.18\.3$/],
  ['the oldest Node', 'node-version', running({ nodeVersion: '20.19.0' }), 'ok', /^20\.19\.0$/],
  ['a Node without security fixes', 'node-support', running({ nodeVersion: '18.20.4' }), 'warn', /no longer/],
  ['an odd Node after its end', 'node-support', running({ nodeVersion: '23.1.0' }), 'warn', /not since 2025-06-01/],
  ['a Node that gets fixes', 'node-support', running({ nodeVersion: '24.1.0' }), 'ok', /until 2028-04-30/],
  [
    'S13: the inspector in NODE_OPTIONS',
    'inspector',
    running({ env: { NODE_OPTIONS: '--x --inspect-brk=0.0.0.0:9229' } }),
    'warn',
    /^--inspect-brk=/,
  ],
  ['S13: the inspector as an argument', 'inspector', running({ execArgv: ['--inspect'] }), 'warn', /^--inspect$/],
  [
    'S13: a port for an inspector that stays closed',
    'inspector',
    running({ execArgv: ['--inspect-port=1'] }),
    'ok',
    /^closed$/,
  ],
  ['root', 'user', running({ uid: 0 }), 'warn', /^root$/],
  ['a system without users', 'user', running({ uid: null }), 'skipped', /no user numbers/],
  [
    'a variable in lower case',
    'environment',
    running({ env: { candlescan_server__port: '1' } }),
    'warn',
    /ignored: candlescan_server__port/,
  ],
  [
    'a variable with another prefix',
    'environment',
    running({ env: { CANDLE_SCAN_DATA_DIR: 'x' } }),
    'warn',
    /CANDLE_SCAN_DATA_DIR/,
  ],
  [
    'an empty variable',
    'environment',
    running({ env: { CANDLESCAN_DATA_DIR: '' } }),
    'warn',
    /CANDLESCAN_DATA_DIR \(empty\)/,
  ],
  [
    'names of variables, not their values',
    'environment',
    running({ env: { CANDLESCAN_SERVER__TOKEN: 's3cret', HOME: '/' } }),
    'ok',
    /^CANDLESCAN_SERVER__TOKEN$/,
  ],
  ['pm2 in cluster mode', 'supervisor', running({ env: { pm_id: '0', exec_mode: 'cluster_mode' } }), 'warn', /cluster/],
  ['pm2 in fork mode', 'supervisor', running({ env: { pm_id: '0', exec_mode: 'fork_mode' } }), 'ok', /fork/],
  ['systemd', 'supervisor', running({ env: { INVOCATION_ID: 'x' } }), 'ok', /systemd/],
];

const CONFIGURATION: Row[] = [
  [
    'where values come from',
    'config',
    { config: { set: ['server.port=1'], env: { CANDLESCAN_LOG__LEVEL: 'warn' } } },
    'ok',
    /1 --set, .*1 env CANDLESCAN_LOG__LEVEL/,
  ],
  [
    'a doubtful pair of addresses',
    'config-doubts',
    set('exchange.restUrl=http://127.0.0.1:1'),
    'warn',
    /streamUrl is not/,
  ],
  [
    'analyzers that do not fit',
    'analyzers',
    { probes: { analyzers: async () => Promise.reject(new ConfigError('analyzers.enabled: unknown trendd')) } },
    'fail',
    /trendd/,
  ],
  [
    'a module that is refused',
    'analyzers',
    {
      probes: {
        analyzers: async () => ({ analyzers: [], refused: [{ file: '/a.mjs', reason: 'has no default export' }] }),
      },
    },
    'warn',
    /refused \/a\.mjs: has no default/,
  ],
  [
    'an analyzer that needs more than is kept',
    'analyzers',
    { probes: { analyzers: async () => ({ analyzers: [analyzer('slow', 301)], refused: [] }) } },
    'warn',
    /slow needs 301 candles/,
  ],
  [
    'an analyzer that needs all that is kept',
    'analyzers',
    { probes: { analyzers: async () => ({ analyzers: [analyzer('slow', 300)], refused: [] }) } },
    'ok',
    /^1 analyzer$/,
  ],
  ["a settle time below the exchange's own", 'time-budget', set('cycle.settle=2s'), 'warn', /settle 2000 ms/],
  [
    'a request that may outlast the cycle',
    'time-budget',
    set('exchange.requestTimeout=28s'),
    'warn',
    /timeout 28000 ms/,
  ],
];

const MACHINE: Row[] = [
  ['too few open files', 'open-files', { probes: { openFilesLimit: async () => 357 } }, 'fail', /^357$/],
  ['just enough open files', 'open-files', { probes: { openFilesLimit: async () => 358 } }, 'ok', /^358$/],
  [
    'no known limit of open files',
    'open-files',
    { probes: { openFilesLimit: async () => null } },
    'skipped',
    /does not tell/,
  ],
  ['a machine without the memory', 'memory', running({ memoryBytes: 200 * MIB }), 'fail', /machine 200 MiB/],
  ['a limit above the machine', 'memory', running({ memoryBytes: 512 * MIB }), 'warn', /limit 1 GiB, machine 512 MiB/],
  [
    'a limit below what is needed',
    'memory',
    set('memory.limit=200MiB', 'cache.l1MaxSize=64MiB'),
    'fail',
    /limit 200 MiB/,
  ],
  [
    'a limit under constant pressure',
    'memory',
    set('memory.limit=256MiB', 'cache.l1MaxSize=64MiB'),
    'warn',
    /limit 256 MiB/,
  ],
  [
    'less memory for fewer symbols',
    'memory',
    set('memory.limit=256MiB', 'cache.l1MaxSize=64MiB', 'universe.maxSymbols=10'),
    'ok',
    /about 201 MiB/,
  ],
  ['memory for deep series', 'memory', set('candles.lookback=10000'), 'fail', /about 1\.2 GiB/],
  [
    'a heap that cannot grow to the last level of memory pressure',
    'heap',
    running({ heapLimitBytes: 700 * MIB }),
    'warn',
    /^832 MiB at most: heap 700 MiB, beside it 132 MiB$/,
  ],
  ['a heap that grows beyond it', 'heap', running({ heapLimitBytes: 1_100 * MIB }), 'ok', /heap 1\.1 GiB/],
  [
    'a heap that grows beyond it together with deep series',
    'heap',
    { ...running({ heapLimitBytes: 700 * MIB }), ...set('candles.lookback=5000') },
    'ok',
    /beside it 626 MiB/,
  ],
  ['candles that do not fit into memory', 'l1-size', set('cache.l1MaxSize=16MiB'), 'warn', /^16 MiB for 1,800 series/],
];

const DIRECTORIES: Row[] = [
  [
    'a file in the place of the data directory',
    'data-dir',
    { probes: { directory: async (nearest) => ({ nearest, stat: null, error: failing('ENOTDIR') }) } },
    'fail',
    /data: a part of the path is a file/,
  ],
  [
    'a read-only data directory',
    'data-dir',
    { probes: { directory: async (nearest) => ({ nearest, stat: null, error: failing('EROFS') }) } },
    'fail',
    /read-only \(EROFS\)/,
  ],
  [
    'a directory of another user',
    'cache-dir',
    { probes: { directory: async (nearest) => ({ nearest, stat: null, error: failing('EACCES') }) } },
    'fail',
    /this user may not write there/,
  ],
  [
    'a directory that is to be created',
    'signals-dir',
    { probes: { directory: async () => ({ nearest: '/', stat: null, error: null }) } },
    'ok',
    /signals \(to be created in \/\)/,
  ],
  [
    'a data directory of somebody else',
    'data-dir-mode',
    { probes: { directory: async (nearest) => ({ nearest, stat: { mode: 0o40700, uid: 5 }, error: null }) } },
    'warn',
    /^700, owner 5$/,
  ],
  [
    'a data directory that all may write',
    'data-dir-mode',
    { probes: { directory: async (nearest) => ({ nearest, stat: { mode: 0o40777, uid: 1_000 }, error: null }) } },
    'warn',
    /^777, owner 1000$/,
  ],
  [
    'a full disk',
    'disk',
    { probes: { disk: async () => ({ freeBytes: 63 * MIB, freeFiles: null }) } },
    'fail',
    /^63 MiB free/,
  ],
  [
    'a disk too small for the cache',
    'disk',
    { probes: { disk: async () => ({ freeBytes: 700 * MIB, freeFiles: null }) } },
    'warn',
    /^700 MiB free/,
  ],
  [
    'a cache that has grown already',
    'disk',
    { probes: { disk: async () => ({ freeBytes: 300 * MIB, freeFiles: null }), cacheBytes: async () => 500 * MIB } },
    'ok',
    /^300 MiB free/,
  ],
  [
    'a disk without inodes',
    'disk',
    { probes: { disk: async () => ({ freeBytes: 9 * GIB, freeFiles: 12 }) } },
    'warn',
    /12 more files/,
  ],
  [
    'a lock that another process holds',
    'lock',
    { probes: { lock: async () => ({ held: true, holder }) } },
    'warn',
    /process 77 \(run, version 1\.0\.0/,
  ],
  [
    'a lock whose holder is silent',
    'lock',
    { probes: { lock: async () => ({ held: true, holder: null }) } },
    'warn',
    /does not answer/,
  ],
  [
    'a lock of its own',
    'lock',
    { probes: { lock: async () => ({ held: true, holder: { ...holder, pid: HEALTHY_PROCESS.pid } }) } },
    'ok',
    /this process/,
  ],
];

const NETWORK: Row[] = [
  ['a port in use', 'port', { probes: { bind: async () => 'EADDRINUSE' } }, 'fail', /127\.0\.0\.1:9530 is in use/],
  [
    'a port in use beside a running daemon',
    'port',
    { probes: { bind: async () => 'EADDRINUSE', lock: async () => ({ held: true, holder }) } },
    'warn',
    /holder of the lock/,
  ],
  [
    'a port in use while we hold the lock',
    'port',
    {
      probes: {
        bind: async () => 'EADDRINUSE',
        lock: async () => ({ held: true, holder: { ...holder, pid: HEALTHY_PROCESS.pid } }),
      },
    },
    'fail',
    /in use/,
  ],
  [
    'a port below 1024',
    'port',
    { ...set('server.port=80'), probes: { bind: async () => 'EACCES' } },
    'fail',
    /:80 cannot be listened on \(EACCES\)/,
  ],
  ['an address of another machine', 'port', { probes: { bind: async () => 'EADDRNOTAVAIL' } }, 'fail', /EADDRNOTAVAIL/],
  ['no sinks', 'sinks', {}, 'skipped', /none configured/],
  [
    'sinks that are not to be contacted',
    'sinks',
    { config: { env: discord } },
    'skipped',
    /^alarm \(discord\): not contacted$/,
  ],
  ['a sink that is reached', 'sinks', { config: { env: discord }, checkSinks: true }, 'ok', /1 sink reached/],
  [
    'a sink that is not, without its secret address',
    'sinks',
    { config: { env: discord }, checkSinks: true, probes: { connect: async () => 'ECONNREFUSED' } },
    'warn',
    /^alarm: no connection to discord\.test \(ECONNREFUSED\)$/,
  ],
  [
    'a file sink that cannot be written',
    'sinks',
    {
      config: { env: { CANDLESCAN_NOTIFY__SINKS: '[{name: log, type: file, path: /x/y.jsonl}]' } },
      checkSinks: true,
      probes: { directory: async (nearest) => ({ nearest, stat: null, error: failing('EACCES') }) },
    },
    'warn',
    /^log: \/x: this user may not write/,
  ],
];

const EXCHANGE: Row[] = [
  [
    'a name that does not resolve',
    'dns',
    { probes: { resolve: async () => Promise.reject(failing('ENOTFOUND')) } },
    'fail',
    /fapi\.binance\.com: ENOTFOUND/,
  ],
  [
    'an address that needs no name',
    'dns',
    { ...set('exchange.restUrl=http://[::1]:9'), probes: { resolve: () => expect.fail('asked') } },
    'ok',
    /::1 needs no name/,
  ],
  ['a clock that is off', 'clock', exchange({ skewMs: -1_500 }), 'warn', /^1500 ms behind the exchange$/],
  ['a clock that is nearly right', 'clock', exchange({ skewMs: 999 }), 'ok', /^999 ms ahead of the exchange$/],
  ['a universe without symbols', 'universe', exchange({ symbols: [] }), 'fail', /^0 of 900 markets$/],
  [
    'a symbol that is not traded',
    'universe',
    exchange({}, 'universe.include=[S1USDT, S9999USDT]'),
    'warn',
    /not scanned: S9999USDT/,
  ],
  [
    'a cold start of the default',
    'weight-start',
    exchange({}),
    'ok',
    /^1,590 for 1,590 series, 1 minute at 1,920 a minute$/,
  ],
  [
    'too many timeframes for one minute candles',
    'weight-start',
    exchange({}, 'timeframes=[1m, 5m, 15m, 1h]', 'cycle.deadline=30s'),
    'fail',
    /^2,120 for 2,120 series, 2 minutes/,
  ],
  [
    'a share that is too small',
    'weight-start',
    exchange({}, 'exchange.weightShare=0.01'),
    'fail',
    /67 minutes at 24 a minute/,
  ],
  [
    'a dear first look',
    'weight-start',
    exchange({}, 'candles.firstLook=1500', 'candles.lookback=1500'),
    'fail',
    /^15,900 .* 9 minutes/,
  ],
  [
    'a budget below one request',
    'weight-start',
    exchange({}, 'exchange.weightShare=0.01', 'universe.maxSymbols=5'),
    'fail',
    /^24 a minute, and one request costs 40$/,
  ],
  [
    'a slot without streams',
    'weight-slot',
    exchange({}, 'stream.enabled=false'),
    'ok',
    /^530 since nothing is streamed, of 1,920/,
  ],
  [
    'a slot that outgrows the budget',
    'weight-slot',
    exchange({}, 'stream.enabled=false', 'candles.derive=false', 'exchange.weightShare=0.5'),
    'fail',
    /^1,590 since nothing is streamed, of 1,200/,
  ],
  [
    'a fallback that outgrows the budget',
    'weight-slot',
    exchange({}, 'candles.derive=false', 'exchange.weightShare=0.5'),
    'warn',
    /when no stream delivers/,
  ],
  ['streams of the default', 'streams', exchange({}), 'ok', /^530 streams of 5m on 3 connections$/],
  ['no streams', 'streams', exchange({}, 'stream.enabled=false'), 'skipped', /false/],
  [
    'connections that take long to open',
    'streams',
    exchange({}, 'stream.streamsPerConnection=10'),
    'warn',
    /on 53 connections/,
  ],
  [
    'more connections than the exchange lets open',
    'streams',
    exchange({}, 'stream.streamsPerConnection=1'),
    'fail',
    /on 530 connections/,
  ],
  [
    'crowded connections',
    'streams',
    exchange({ symbols: named(900) }, 'stream.streamsPerConnection=1000'),
    'warn',
    /on 1 connection$/,
  ],
];

describe.each([
  ['process', PROCESS],
  ['configuration', CONFIGURATION],
  ['machine', MACHINE],
  ['directories', DIRECTORIES],
  ['network', NETWORK],
  ['exchange', EXCHANGE],
])('the doctor on the %s', (_, rows) => {
  it.each(rows)('notices %s (%s)', async (_, id, patient, status, found) => {
    const check = await checkOf(id, patient);
    expect(check.found).toMatch(found);
    expect(check.status).toBe(status);
    if (status === 'ok' || status === 'skipped') return;
    expect([check.expected, check.fix]).not.toContain(null);
  });
});

describe('the support of Node', () => {
  it('ends on the day of the table, and goes on for lines that are newer than it', () => {
    expect(nodeSupport('22.9.0', Date.UTC(2027, 3, 29, 23)).supported).toBe(true);
    expect(nodeSupport('22.9.0', Date.UTC(2027, 3, 30))).toEqual({ supported: false, endOfLife: '2027-04-30' });
    expect(nodeSupport('40.0.0', Date.UTC(2027, 3, 30))).toEqual({ supported: true, endOfLife: null });
    expect(supportedLines(Date.UTC(2027, 5, 1))).toEqual([24, 26]);
  });

  it('begins where package.json says', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
    expect(isAtLeast(OLDEST_NODE, engines.node.replace('>=', ''))).toBe(true);
    expect(isAtLeast(engines.node.replace('>=', ''), OLDEST_NODE)).toBe(true);
  });

  it.each([
    ['20.19.0', '20.19.0', true],
    ['20.18.9', '20.19.0', false],
    ['21.0.0', '20.19.0', true],
    ['20.20.0-nightly', '20.19.0', true],
    ['9.99.99', '20.19.0', false],
  ])('%s is at least %s: %s', (found, least, expected) => {
    expect(isAtLeast(found, least)).toBe(expected);
  });
});

it.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1 KiB'],
  [1.55 * GIB, '1.6 GiB'],
  [512 * MIB, '512 MiB'],
  [2_000 * 2 ** 40, '2000 TiB'],
])('%d bytes are shown as %s', (bytes, text) => {
  expect(readableBytes(bytes)).toBe(text);
});

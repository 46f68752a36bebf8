import { expect } from 'vitest';
import {
  describeChecks,
  failing,
  HEALTHY_EXCHANGE,
  HEALTHY_PROCESS,
  holder,
  type Patient,
  type Row,
  set,
} from '../support/doctor.js';
import { named } from '../support/universe.js';

const exchange = (changes: Partial<typeof HEALTHY_EXCHANGE>, ...settings: string[]): Patient => ({
  ...set(...settings),
  probes: { exchange: async () => ({ ...HEALTHY_EXCHANGE, ...changes }) },
});
const discord = {
  CANDLESCAN_NOTIFY__SINKS: '[{name: alarm, type: discord}]',
  CANDLESCAN_NOTIFY__SINKS__ALARM__URL: 'https://discord.test/api/webhooks/1/very-secret',
};

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

describeChecks('network', NETWORK);

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

describeChecks('exchange', EXCHANGE);

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAtLeast, nodeSupport, OLDEST_NODE, supportedLines } from '../../src/doctor/node-releases.js';
import { ConfigError } from '../../src/domain/errors.js';
import { describeChecks, type Row, running, set } from '../support/doctor.js';

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

describeChecks('process', PROCESS);

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

describeChecks('configuration', CONFIGURATION);

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

import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/domain/errors.js';
import { configFiles, problemsOf } from '../support/config-files.js';

const file = configFiles();
let files = 0;

/** The problems of a file, without its path. */
function problemsIn(text: string): string[] {
  files += 1;
  const path = file(`${files}.yaml`, text);
  return problemsOf({ files: [path] }).map((line) => {
    expect(line.startsWith(path)).toBe(true);
    return line.slice(path.length + 1);
  });
}

const set = (...options: string[]) => problemsOf({ set: options });

describe('P6: a bad configuration file', () => {
  it('is a ConfigError of one line: file with line and column, key, what was found, what is allowed', () => {
    const path = file('p6.yaml', '# mine\nexchange:\n  weightShare: 1.5\n');
    const load = () => loadConfig({ files: [path] });
    const line = `${path}:3:16: exchange.weightShare: found 1.5, allowed a number above 0 and at most 1`;
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(new ConfigError(line));
  });

  it('has every problem reported at once, a line each, in the order of the sources', () => {
    const path = file('many.yaml', 'batch: { symbols: 0 }\nlog: { level: loud }\n');
    const env = { CANDLESCAN_CACHE__FLUSH_EVERY: '5' };
    expect(problemsOf({ files: [path], env, set: ['cycel.settle=1s'], logLevel: 'silent' })).toEqual([
      '--set: cycel.settle: unknown key, did you mean cycle.settle?',
      `${path}:1:19: batch.symbols: found 0, allowed a whole number from 1 to 512`,
      'CANDLESCAN_CACHE__FLUSH_EVERY: cache.flushEvery: found "5", allowed a duration from 1ms to 24d, such as 250ms 2s 5m 1h 7d',
    ]);
  });

  it('names a file that does not exist or cannot be read', () => {
    expect(problemsOf({ files: ['/nowhere/my.yaml'] })).toEqual([
      '/nowhere/my.yaml: found no such file, allowed a readable YAML file',
    ]);
    expect(problemsOf({ files: ['/'] })).toEqual([
      '/: found a file that cannot be read (EISDIR), allowed a readable YAML file',
    ]);
  });

  it.each([
    [
      'exchange: {id: sim',
      '1:19: found a YAML error, flow map in block collection must be sufficiently indented and end with a }',
    ],
    ['exchange:\n\tid: sim', '2:1: found a YAML error, tabs are not allowed as indentation'],
    ['batch:\n  symbols: 1\n  symbols: 2', '3:3: found a YAML error, map keys must be unique'],
    ['dataDir: !env HOME', '1:10: found a YAML error, a tag (!…) that is not supported'],
    ['batch: {}\n---\nbatch: {}', '2:1: found a YAML error, more than one document'],
    ['batch: &a\n  symbols: 1', '2:3: found an anchor or alias, allowed are plain values'],
    ['dataDir: *home', '1:10: found an anchor or alias, allowed are plain values'],
  ])('points at the place of a syntax error: %j', (text, problem) => {
    expect(problemsIn(text)).toContain(problem);
  });

  it.each([
    ['- batch', '1:1: found a list of 1, allowed a map of keys'],
    ['batch', '1:1: found a text (not shown), allowed a map of keys'],
    ['batch: 5', '1:8: batch: found 5, allowed a map of symbols, requestsInFlight'],
    ['batch: [5]', '1:8: batch: found [5], allowed a map of symbols, requestsInFlight'],
    [
      'timeframes: {base: 5m}',
      '1:13: timeframes: found a map, allowed a list of timeframes, each one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1w',
    ],
  ])('refuses the wrong kind of value: %j', (text, problem) => {
    expect(problemsIn(text)).toEqual([problem]);
  });

  it.each(['', '# nothing', 'batch:', '---\nbatch: {symbols: 1}'])('accepts %j', (text) => {
    expect(problemsIn(text)).toEqual([]);
  });
});

describe('an unknown key', () => {
  it.each([
    ['exchange: {weigthShare: 1}', '1:12: exchange.weigthShare: unknown key, did you mean exchange.weightShare?'],
    ['exhange: {id: sim}', '1:1: exhange: unknown key, did you mean exchange?'],
    ['weightShare: 1', '1:1: weightShare: unknown key, did you mean exchange.weightShare?'],
    ['cycle: {speed: 1}', '1:9: cycle.speed: unknown key, allowed: settle, deadline, provisional'],
    ['batch: {symbols: {max: 1}}', '1:18: batch.symbols: found a map, allowed a whole number from 1 to 512'],
  ])('is refused in a file: %s', (text, problem) => {
    expect(problemsIn(text)).toEqual([problem]);
  });

  it('is refused in --set, and so is a section', () => {
    expect(set('exchange.resturl=x')).toEqual(['--set: exchange.resturl: unknown key, did you mean exchange.restUrl?']);
    expect(set('stream=off')).toEqual([
      '--set: stream: found a section, allowed one of its keys: enabled, streamsPerConnection',
    ]);
  });

  it('is refused inside the entries of a list', () => {
    expect(problemsIn('analyzers:\n  enabled:\n    - trend\n    - {name: rsi, params: {}}')).toEqual([
      '4:27: analyzers.enabled[1].params: unknown key, allowed: a map of name and parameters',
    ]);
  });
});

describe('T4: a period or timeout', () => {
  const timers = [
    'exchange.requestTimeout',
    'universe.refreshEvery',
    'cycle.settle',
    'cycle.deadline',
    'cache.flushEvery',
    'analyzers.budget',
  ];
  const allowed = 'allowed a duration from 1ms to 24d, such as 250ms 2s 5m 1h 7d';

  it.each([
    '0',
    '0s',
    '-1',
    '-1s',
    'NaN',
    '.nan',
    '.inf',
    '2147483648',
    '2147483648ms',
    '25d',
    '5m ',
    ' 5m',
    '300',
    '1.5s',
    'null',
    '',
  ])('refuses %j, which is no time that a timer can wait, for every timer', (text) => {
    const found = `found ${JSON.stringify(text)}, ${allowed}`;
    expect(set(...timers.map((key) => `${key}=${text}`))).toEqual(timers.map((key) => `--set: ${key}: ${found}`));
  });

  it.each(['0', '0s', '-1', '.nan', '.inf', '2147483648', '2147483648ms', '"5m "', '300', '[5m]', 'true', '~'])(
    'refuses %s in a file, for every timer',
    (text) => {
      const yaml = [
        `exchange: {requestTimeout: ${text}}`,
        `universe: {refreshEvery: ${text}}`,
        `cycle: {settle: ${text}, deadline: ${text}}`,
        `cache: {flushEvery: ${text}}`,
        `analyzers: {budget: ${text}}`,
      ];
      const lines = problemsIn(yaml.join('\n'));
      expect(lines.map((line) => line.split(': ')[1])).toEqual(timers);
      for (const line of lines) expect(line.endsWith(allowed)).toBe(true);
    },
  );

  it.each(['universe.minAge', 'signals.retention'])(
    '%s may be longer than a timer, for nothing waits for it',
    (key) => {
      expect(set(`${key}=365d`)).toEqual([]);
      for (const text of ['0d', '-1d', '90', '3651d', 'NaN']) {
        expect(set(`${key}=${text}`)).toEqual([
          `--set: ${key}: found ${JSON.stringify(text)}, allowed a duration from 1ms to 3650d, such as 250ms 2s 5m 1h 7d`,
        ]);
      }
    },
  );
});

describe('a value', () => {
  it.each([
    ['exchange.id=kraken', 'found "kraken", allowed binanceusdm or sim'],
    ['exchange.weightShare=0', 'found 0, allowed a number above 0 and at most 1'],
    [
      'exchange.restUrl=ftp://h',
      'found "ftp://h", allowed http://host:port or https://host:port, without path or credentials',
    ],
    [
      'exchange.restUrl=http://h/fapi',
      'found "http://h/***", allowed http://host:port or https://host:port, without path or credentials',
    ],
    [
      'exchange.streamUrl=http://h',
      'found "http://h", allowed ws://host:port or wss://host:port, without path or credentials',
    ],
    [
      'exchange.restUrl=http://h:99999',
      'found "http://h:99999", allowed http://host:port or https://host:port, without path or credentials',
    ],
    ['universe.quote=usdt', 'found "usdt", allowed an asset in upper case, such as USDT'],
    [
      'universe.contractTypes=PERPETAUL',
      'found "PERPETAUL", allowed PERPETUAL, TRADIFI_PERPETUAL, CURRENT_QUARTER or NEXT_QUARTER',
    ],
    ['universe.maxSymbols=1.5', 'found 1.5, allowed a whole number from 1 to 10000'],
    ['universe.minQuoteVolume24h=0', 'found 0, allowed a number above 0'],
    ['universe.exclude=/[/', 'found "/[/", allowed a regular expression that compiles, such as /^BTC/'],
    [
      'universe.include=BTC/USDT',
      'found "BTC/USDT", allowed a symbol such as BTCUSDT or a regular expression such as /^BTC/',
    ],
    ['timeframes=5m,7m', 'found "7m", allowed one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1w'],
    ['timeframes=constructor', 'found "constructor", allowed one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1w'],
    ['timeframes=5m,5m', 'found ["5m", "5m"], allowed each timeframe once'],
    ['timeframes=', 'found an empty list, allowed at least one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1w'],
    ['timeframes=3m,15m,5m', 'found "5m", allowed a multiple of the base timeframe 3m'],
    ['cache.l1MaxSize=128MB', 'found "128MB", allowed a size from 1MiB to 1TiB, such as 512KiB 64MiB 1GiB'],
    ['cache.l2MaxSize=0B', 'found "0B", allowed a size from 1MiB to 1TiB, such as 512KiB 64MiB 1GiB'],
    [
      'dataDir=~/data',
      'found "~/data", allowed a path that is not empty and does not begin with ~, which only a shell expands',
    ],
    ['analyzers.enabled=trend,trend', 'found ["trend", "trend"], allowed each analyzer once'],
    ['analyzers.enabled=[{name: a, parameters: {x: "1"}}]', 'found "1", allowed a number'],
    [
      'analyzers.enabled=[{parameters: {}}]',
      'found nothing, allowed the name of an analyzer: lower-case letters, digits and single dashes',
    ],
    ['server.port=65536', 'found 65536, allowed a whole number from 0 to 65535'],
    ['server.host=a b', 'found "a b", allowed a host name or an IP address'],
    ['server.allowedHosts=h:80', 'found "h:80", allowed a host name or an IP address, without port'],
    [
      'server.allowedOrigins=https://h/x',
      'found "https://h/***", allowed a host name without port, or an origin such as https://grafana.example:3000',
    ],
    [
      'notify.sinks=[{name: a, type: mail}]',
      'found "mail", allowed a sink of type webhook, telegram, discord, slack, file',
    ],
    [
      'notify.sinks=[{name: A, type: file, path: x}]',
      'found "A", allowed lower-case letters, digits and single dashes, beginning with a letter',
    ],
    ['notify.sinks=[{name: a, type: file, path: x, minStrength: 2}]', 'found 2, allowed a number from 0 to 1'],
    [
      'notify.sinks=[{name: a, type: file, path: x}, {name: a, type: file, path: y}]',
      'found a list of 2, allowed each sink name once',
    ],
  ])('out of range is refused: %s', (option, problem) => {
    const lines = set(option);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^--set: ${option.split('=')[0]?.replace('.', '\\.')}\\S*: `));
    expect(lines[0]?.replace(/^--set: \S+ /, '')).toBe(problem);
  });
});

describe('keys that depend on each other', () => {
  it('blames the key that someone set', () => {
    expect(set('candles.firstLook=400')).toEqual([
      '--set: candles.firstLook: found 400, allowed at most candles.lookback (300)',
    ]);
    expect(set('candles.lookback=50')).toEqual([
      '--set: candles.lookback: found 50, allowed at least candles.firstLook (99)',
    ]);
    expect(problemsIn('cycle:\n  deadline: 2s')).toEqual([
      '2:13: cycle.deadline: found "2s", allowed more than cycle.settle (2500ms)',
    ]);
    expect(set('cache.l1MaxSize=2GiB')).toEqual([
      '--set: cache.l1MaxSize: found "2GiB", allowed less than memory.limit (1GiB)',
    ]);
  });

  it('accepts a first look of the whole lookback, and no settle time of the whole deadline', () => {
    expect(set('candles.lookback=99')).toEqual([]);
    expect(set('cycle.settle=30s')).toEqual([
      '--set: cycle.settle: found "30s", allowed less than cycle.deadline (30s)',
    ]);
  });

  it('keeps the deadline within the base timeframe', () => {
    expect(set('cycle.deadline=299999ms')).toEqual([]);
    expect(set('cycle.deadline=5m')).toEqual([
      '--set: cycle.deadline: found "5m", allowed less than the base timeframe (5m)',
    ]);
    const slow = file('slow.yaml', 'cycle: {deadline: 2m}');
    expect(problemsOf({ files: [slow], set: ['timeframes=1m,5m'] })).toEqual([
      `${slow}:1:19: cycle.deadline: found "2m", allowed less than the base timeframe (1m)`,
    ]);
  });

  it('requires a token where others can connect', () => {
    const allowed = 'a loopback address, or another one with a token in CANDLESCAN_SERVER__TOKEN';
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'scan.example', '127.0.0.1.example']) {
      expect(set(`server.host=${host}`)).toEqual([`--set: server.host: found "${host}", allowed ${allowed}`]);
      expect(problemsOf({ set: [`server.host=${host}`], env: { CANDLESCAN_SERVER__TOKEN: 't0ken' } })).toEqual([]);
    }
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) expect(set(`server.host=${host}`)).toEqual([]);
  });
});

describe('S8: names that reach a prototype', () => {
  const polluted = () => Reflect.get({}, 'x');

  it.each([
    '__proto__: {x: 1}',
    '"__proto__": {"x": 1}',
    'constructor: {prototype: {x: 1}}',
    'exchange: {__proto__: {x: 1}}',
    'exchange: {constructor: 1}',
    'analyzers: {enabled: [{name: a, parameters: {__proto__: {x: 1}}}]}',
    'analyzers: {enabled: [{name: a, parameters: {constructor: 1}}]}',
    'notify: {sinks: [{__proto__: {x: 1}}]}',
  ])('are unknown keys in a file: %s', (text) => {
    expect(problemsIn(text).join('\n')).toMatch(/unknown key/);
    expect(polluted()).toBeUndefined();
  });

  it('are unknown keys in --set and in the environment', () => {
    expect(set('__proto__.x=1', 'constructor.prototype.x=1', 'exchange.__proto__=1')).toHaveLength(3);
    expect(set('analyzers.enabled=[{"name":"a","parameters":{"__proto__":{"x":1}}}]')).toEqual([
      '--set: analyzers.enabled: unknown key __proto__',
    ]);
    expect(problemsOf({ env: { CANDLESCAN___PROTO____X: '1', CANDLESCAN_CONSTRUCTOR__X: '1' } })).toHaveLength(2);
    expect(polluted()).toBeUndefined();
  });
});

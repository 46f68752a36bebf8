import { describe, expect, it } from 'vitest';
import { variableOf } from '../../src/config/environment.js';
import { KEYS } from '../../src/config/keys.js';
import { loadConfig } from '../../src/config/load.js';
import { UsageError } from '../../src/domain/errors.js';
import { problemsOf } from '../support/config-files.js';

describe('variables', () => {
  it.each([
    ['exchange.restUrl', 'CANDLESCAN_EXCHANGE__REST_URL'],
    ['cache.l1MaxSize', 'CANDLESCAN_CACHE__L1_MAX_SIZE'],
    ['universe.minQuoteVolume24h', 'CANDLESCAN_UNIVERSE__MIN_QUOTE_VOLUME_24H'],
    ['timeframes', 'CANDLESCAN_TIMEFRAMES'],
    ['dataDir', 'CANDLESCAN_DATA_DIR'],
  ])('spells %s as %s', (key, variable) => {
    expect(variableOf(key)).toBe(variable);
  });

  it('reaches every key by its variable', () => {
    for (const key of KEYS.keys()) {
      // No key allows this text, so each must complain in its own name.
      const variable = variableOf(key);
      const [problem = ''] = problemsOf({ env: { [variable]: '[[\u0000' } });
      expect(problem).toMatch(new RegExp(`^${variable}: ${key.replace('.', '\\.')}(\\[0\\])?: found `));
    }
  });

  it('takes a number as part of the word before it, too', () => {
    const { config } = loadConfig({ env: { CANDLESCAN_UNIVERSE__MIN_QUOTE_VOLUME24H: '2.5e6' } });
    expect(config.universe.minQuoteVolume24h).toBe(2_500_000);
  });

  it('counts an empty variable as not set', () => {
    const { config, origins } = loadConfig({ env: { CANDLESCAN_SERVER__TOKEN: '', CANDLESCAN_BATCH__SYMBOLS: '' } });
    expect([config.server.token, config.batch.symbols, origins.get('server.token')]).toEqual([null, 64, 'default']);
  });

  it('ignores variables of others and the one that tells tests where recorded candles are', () => {
    const env = { PATH: '/bin', CANDLESCANNER: '1', CANDLESCAN_TEST_DATA: '/somewhere' };
    expect([...loadConfig({ env }).origins.values()].every((origin) => origin === 'default')).toBe(true);
  });

  it('refuses an unknown variable and names the nearest one', () => {
    expect(problemsOf({ env: { CANDLESCAN_EXCHANGE__RESTURL: 'x' } })).toEqual([
      'CANDLESCAN_EXCHANGE__RESTURL: exchange.resturl: unknown key, did you mean CANDLESCAN_EXCHANGE__REST_URL?',
    ]);
    expect(problemsOf({ env: { candlescan_dataDir: 'ignored', CANDLESCAN_dataDir: 'x' } })).toEqual([
      'CANDLESCAN_dataDir: datadir: unknown key, did you mean CANDLESCAN_DATA_DIR?',
    ]);
  });
});

describe('values written as text', () => {
  const set = (...options: string[]) => loadConfig({ set: options }).config;

  it('reads a list from commas, YAML flow or JSON', () => {
    for (const text of ['5m,1h', '5m, 1h', '[5m, 1h]', '["5m","1h"]', ' [5m,1h]']) {
      expect(set(`timeframes=${text}`).timeframes).toEqual(['5m', '1h']);
    }
    expect(set('universe.include=').universe.include).toEqual([]);
    expect(set('universe.include=["/^A{1,2}$/"]').universe.include).toEqual(['/^A{1,2}$/']);
  });

  it('reads numbers and flags by what the key holds, not by what the text looks like', () => {
    const config = set('server.port=0', 'exchange.weightShare=5e-1', 'stream.enabled=false', 'dataDir=123');
    expect([config.server.port, config.exchange.weightShare, config.stream.enabled]).toEqual([0, 0.5, false]);
    expect(config.dataDir.endsWith('/123')).toBe(true);
  });

  it.each(['0x10', '1_000', ' 5', '5 ', '', 'ten', '1e', 'true', 'null'])('refuses %j as a number', (text) => {
    expect(problemsOf({ set: [`batch.symbols=${text}`] })).toEqual([
      `--set: batch.symbols: found ${JSON.stringify(text)}, allowed a whole number from 1 to 512`,
    ]);
  });

  it.each(['yes', 'TRUE', '1', ''])('refuses %j as a flag', (text) => {
    expect(problemsOf({ set: [`stream.enabled=${text}`] })).toEqual([
      `--set: stream.enabled: found ${JSON.stringify(text)}, allowed true or false`,
    ]);
  });

  it('splits --set at the first equals sign', () => {
    expect(set('dataDir=/a=b').dataDir).toBe('/a=b');
  });

  it('refuses a flow list that does not close', () => {
    expect(problemsOf({ set: ['timeframes=[5m'] })).toEqual([
      '--set: timeframes: found a YAML error, flow sequence must end with a ] at 1:4',
    ]);
  });

  it('calls --set without a key and = wrong usage, without repeating it', () => {
    for (const option of ['canary-7f3a', '=canary-7f3a', '']) {
      expect(() => loadConfig({ set: [option] })).toThrow(
        new UsageError('--set: found no key and =, allowed path.to.key=value'),
      );
    }
  });
});

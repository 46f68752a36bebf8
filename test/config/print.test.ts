import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { printConfig } from '../../src/config/print.js';
import { configFiles } from '../support/config-files.js';

const file = configFiles();
const sources = {
  files: [file('mine.yaml', 'universe: {include: ["/^1000[A-Z]+$/", BTCUSDT]}\nexchange: {id: sim}')],
  env: { CANDLESCAN_EXCHANGE__REQUEST_TIMEOUT: '2s' },
  set: ['analyzers.enabled=[{name: trend, parameters: {fast: 9}}]'],
  dataDir: '/var/lib/scan',
};

describe('printConfig', () => {
  it('prints YAML that loads to the same configuration', () => {
    const loaded = loadConfig(sources);
    const printed = file('printed.yaml', printConfig(loaded, { json: false }));
    expect(loadConfig({ files: [printed] }).config).toEqual(loaded.config);
  });

  it('puts the origin of each value behind it', () => {
    const lines = printConfig(loadConfig(sources), { json: false })
      .split('\n')
      .map((line) => line.replace(/ {2,}#/, ' #'));
    expect(lines).toEqual(
      expect.arrayContaining([
        'exchange:',
        `  id: sim # file ${sources.files[0]}`,
        '  weightShare: 0.8 # default',
        '  requestTimeout: 2s # env CANDLESCAN_EXCHANGE__REQUEST_TIMEOUT',
        '  enabled: [ { name: trend, parameters: { fast: 9 } } ] # --set',
        '  l2Dir: /var/lib/scan/cache # default',
        'dataDir: /var/lib/scan # --data-dir',
      ]),
    );
  });

  it('prints the same as JSON, on one line', () => {
    const loaded = loadConfig(sources);
    const text = printConfig(loaded, { json: true });
    expect(text.indexOf('\n')).toBe(text.length - 1);
    const { schema, config, origins, warnings } = JSON.parse(text) as Record<string, unknown>;
    expect(schema).toBe(1);
    expect(config).toEqual(parse(printConfig(loaded, { json: false })));
    expect(origins).toEqual(Object.fromEntries(loaded.origins));
    expect(warnings).toEqual([]);
  });

  it('names both the file of a sink and the variable of its secret', () => {
    const sinks = file('sinks.yaml', 'notify: {sinks: [{name: a, type: discord}]}');
    const env = { CANDLESCAN_NOTIFY__SINKS__A__URL: 'https://discord.com/api/webhooks/1/x' };
    const printed = printConfig(loadConfig({ files: [sinks], env }), { json: false });
    expect(printed).toContain(`url: "***" } ]`);
    expect(printed).toContain(`# file ${sinks}, env CANDLESCAN_NOTIFY__SINKS__A__URL`);
  });
});

import { describe, expect, it } from 'vitest';
import { KEYS } from '../../src/config/keys.js';
import { LIVE_KEYS } from '../../src/config/live.js';
import { type ConfigSources, loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import { applyReload, changeBetween, merged } from '../../src/daemon/reload.js';
import { Settings } from '../../src/daemon/settings.js';
import { ConfigError } from '../../src/domain/errors.js';
import type { RequestLimits } from '../../src/pipeline/exchange/contract.js';
import type { ServerAccess } from '../../src/server/server.js';
import { configFiles } from '../support/config-files.js';

const write = configFiles();
const TOKEN = 'CANDLESCAN_SERVER__TOKEN';

const load = (sources: ConfigSources = {}) => loadConfig({ cores: 2, ...sources });

/** What the parts were told last. */
interface Told {
  readonly analyzers?: Config['analyzers'];
  readonly level?: string;
  readonly access?: ServerAccess;
  readonly share?: number;
  readonly limits?: RequestLimits;
  readonly memory?: number;
  readonly market?: Config;
}

/** `did` is the order of telling. */
function build(running: ConfigSources, read: () => ConfigSources) {
  const settings = new Settings(load(running));
  const did: string[] = [];
  const access: ServerAccess[] = [];
  let told: Told = {};
  const tell = (part: string, what: Told = {}) => {
    did.push(part);
    told = { ...told, ...what };
  };
  const failing: { analyzers: Error | null } = { analyzers: null };
  const reload = () =>
    applyReload({
      settings,
      analyzers: {
        replace: async (analyzers) => {
          if (failing.analyzers !== null) throw failing.analyzers;
          tell(`analyzers ${analyzers.budgetMs}`, { analyzers: analyzers as Config['analyzers'] });
        },
      },
      server: {
        reconfigure: (next) => {
          tell('server', { access: next });
          access.push(next);
        },
      },
      log: {
        hide: () => tell('hide'),
        setLevel: (level) => tell(`level ${level}`, { level }),
      },
      governor: { setShare: (share) => tell('governor', { share }) },
      client: { reconfigure: (limits) => tell('client', { limits }) },
      memory: { setLimit: (memory) => tell('memory', { memory }) },
      market: { reconfigure: (market) => tell('market', { market }) },
      readConfig: () => load(read()),
    });
  return { settings, did, access, failing, reload, told: () => told };
}

/** All that can be told of a sound configuration. */
const ALL_TOLD = ['server', 'governor', 'client', 'memory', 'market'];

const MIB = 2 ** 20;

/** Of every key that takes effect: another value, and whom it reaches as what. Who is told here does it in a test of his own. */
const LIVE: Readonly<
  Record<string, readonly [text: string, reaches: (told: Told, now: Config) => unknown, as: unknown]>
> = {
  'exchange.weightShare': ['0.5', ({ share }) => share, 0.5],
  'exchange.requestTimeout': ['2s', ({ limits }) => limits?.requestTimeoutMs, 2_000],
  'universe.quote': ['USDC', ({ market }) => market?.universe.quote, 'USDC'],
  'universe.include': ['[BTCUSDT]', ({ market }) => market?.universe.include, ['BTCUSDT']],
  'universe.exclude': ['[/^1000/]', ({ market }) => market?.universe.exclude, ['/^1000/']],
  'universe.contractTypes': ['[CURRENT_QUARTER]', ({ market }) => market?.universe.contractTypes, ['CURRENT_QUARTER']],
  'universe.maxSymbols': ['9', ({ market }) => market?.universe.maxSymbols, 9],
  'universe.minAge': ['1d', ({ market }) => market?.universe.minAgeMs, 86_400_000],
  'universe.minQuoteVolume24h': ['5', ({ market }) => market?.universe.minQuoteVolume24h, 5],
  'universe.refreshEvery': ['1m', ({ market }) => market?.universe.refreshEveryMs, 60_000],
  'cycle.settle': ['3s', ({ market }, now) => [market?.cycle.settleMs, now.cycle.settleMs], [3_000, 3_000]],
  'cycle.deadline': ['20s', (_, now) => now.cycle.deadlineMs, 20_000],
  'cycle.provisional': ['false', (_, now) => now.cycle.provisional, false],
  'batch.symbols': ['8', (_, now) => now.batch.symbols, 8],
  'batch.requestsInFlight': ['16', ({ market, limits }) => [market?.batch.requestsInFlight, limits?.window], [16, 16]],
  'cache.l1MaxSize': ['64MiB', ({ market }) => market?.cache.l1MaxSizeBytes, 64 * MIB],
  'cache.l2MaxSize': ['64MiB', ({ market }) => market?.cache.l2MaxSizeBytes, 64 * MIB],
  'cache.flushEvery': ['1m', ({ market }) => market?.cache.flushEveryMs, 60_000],
  'analyzers.enabled': ['[trend]', ({ analyzers }) => analyzers?.enabled, [{ name: 'trend', parameters: {} }]],
  'analyzers.paths': ['[/own.mjs]', ({ analyzers }) => analyzers?.paths, ['/own.mjs']],
  'analyzers.workers': ['3', ({ analyzers }) => analyzers?.workers, 3],
  'analyzers.budget': ['1s', ({ analyzers }) => analyzers?.budgetMs, 1_000],
  'server.token': ['a-long-enough-token', ({ access }) => access?.token, 'a-long-enough-token'],
  'server.allowedHosts': ['[scanner.lan]', ({ access }) => access?.allowedHosts, ['scanner.lan']],
  'server.allowedOrigins': ['[scanner.lan]', ({ access }) => access?.allowedOrigins, ['scanner.lan']],
  'memory.limit': ['2GiB', ({ memory }) => memory, 2_048 * MIB],
  'log.level': ['warn', ({ level }) => level, 'warn'],
};

/** Another value of every key that waits for a restart. */
const RESTART: Readonly<Record<string, string>> = {
  'exchange.id': 'sim',
  'exchange.restUrl': 'http://127.0.0.1:9',
  'exchange.streamUrl': 'ws://127.0.0.1:9',
  timeframes: '[1m, 5m]',
  'candles.lookback': '400',
  'candles.firstLook': '50',
  'candles.derive': 'false',
  'stream.enabled': 'false',
  'stream.streamsPerConnection': '100',
  'cache.l2Dir': '/elsewhere',
  'signals.retention': '1d',
  'notify.sinks': '[{name: log, type: file, path: /log.jsonl}]',
  'notify.queueMax': '5',
  'server.host': 'localhost',
  'server.port': '1234',
  dataDir: '/elsewhere',
};

const sourcesOf = (key: string, text: string): ConfigSources =>
  key === 'server.token' ? { env: { [TOKEN]: text } } : { set: [`${key}=${text}`] };

describe('every key of the schema', () => {
  it('takes effect in the running process or waits for a restart', () => {
    expect(Object.keys(LIVE).toSorted()).toEqual([...LIVE_KEYS].toSorted());
    expect([...Object.keys(LIVE), ...Object.keys(RESTART)].toSorted()).toEqual([...KEYS.keys()].toSorted());
  });

  it.each(Object.entries(LIVE))('%s takes effect', async (key, [text, reaches, as]) => {
    const sources = sourcesOf(key, text);
    const { settings, told, reload } = build({}, () => sources);
    expect(await reload()).toEqual({ ok: true, changed: [key], needsRestart: [] });
    expect(settings.config).toEqual(load(sources).config);
    expect(reaches(told(), settings.config)).toEqual(as);
  });

  it.each(Object.entries(RESTART))('%s waits for a restart', async (key, text) => {
    const { settings, told, reload } = build({}, () => sourcesOf(key, text));
    expect(await reload()).toMatchObject({ ok: true, changed: [], needsRestart: expect.arrayContaining([key]) });
    expect(settings.config).toEqual(load().config);
    expect(told().market).toEqual(load().config);
  });
});

describe('changeBetween', () => {
  it('tells keys that take effect now from those that need a restart', () => {
    const set = ['log.level=debug', 'cycle.deadline=20s', 'timeframes=[1m, 5m]', 'server.port=1234'];
    expect(changeBetween(load(), load({ set }))).toEqual({
      changed: ['cycle.deadline', 'log.level'],
      needsRestart: ['timeframes', 'server.port'],
    });
  });

  it('sees no difference between the same configurations, and in none of how a value is written a secret', () => {
    const sources = { env: { [TOKEN]: 'a-long-enough-token' }, set: ['cycle.deadline=20s'] };
    expect(changeBetween(load(sources), load(sources))).toEqual({ changed: [], needsRestart: [] });
  });

  it('sees that a token is another one, came or went', () => {
    const [none, one, other] = [{}, { [TOKEN]: 'a-long-enough-token' }, { [TOKEN]: 'another-long-token' }];
    for (const [before, after] of [
      [none, one],
      [one, other],
      [other, none],
    ] as const) {
      const change = changeBetween(load({ env: before }), load({ env: after }));
      expect(change).toEqual({ changed: ['server.token'], needsRestart: [] });
    }
  });

  it("sees that a sink's secret is another one, though both look the same", () => {
    const file = write('sinks.yaml', 'notify:\n  sinks:\n    - name: chat\n      type: telegram\n      chatId: "1"\n');
    const withToken = (token: string) => load({ files: [file], env: { CANDLESCAN_NOTIFY__SINKS__CHAT__TOKEN: token } });
    const [before, after] = [
      withToken('123456:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'),
      withToken('123456:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'),
    ];
    expect(before.shown.get('notify.sinks')).toEqual(after.shown.get('notify.sinks'));
    expect(changeBetween(before, after)).toEqual({ changed: [], needsRestart: ['notify.sinks'] });
    expect(changeBetween(before, withToken('123456:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')).needsRestart).toEqual([]);
  });
});

describe('merged', () => {
  it('takes over exactly the keys that it says take effect, with where they came from', () => {
    const set = [
      'log.level=debug',
      'cycle.deadline=20s',
      'cycle.provisional=false',
      'exchange.weightShare=0.5',
      'exchange.restUrl=http://127.0.0.1:9',
      'cache.l2Dir=/elsewhere',
      'analyzers.budget=1s',
      'analyzers.workers=1',
      'server.allowedHosts=[scanner.lan]',
      'server.allowedOrigins=[scanner.lan]',
      'server.port=1234',
      'timeframes=[1m]',
      'candles.lookback=400',
    ];
    const env = { [TOKEN]: 'a-long-enough-token' };
    const [before, after] = [load({ cores: 4 }), load({ set, env })];
    const next = merged(before, after);
    const { changed, needsRestart } = changeBetween(before, after);
    expect(changeBetween(before, next)).toEqual({ changed, needsRestart: [] });
    expect(changeBetween(next, after)).toEqual({ changed: [], needsRestart });
    expect(next.config.cycle).toEqual({ settleMs: 2_500, deadlineMs: 20_000, provisional: false });
    expect(next.config.exchange).toMatchObject({ weightShare: 0.5, restUrl: null });
    expect(next.config.cache).toEqual(before.config.cache);
    expect(next.config.timeframes).toEqual(before.config.timeframes);
    expect(next.config.server).toMatchObject({ port: 9530, allowedHosts: ['scanner.lan'] });
    expect(next.config.server.token?.reveal()).toBe('a-long-enough-token');
    expect(next.origins.get('log.level')).toBe('--set');
    expect(next.origins.get('server.port')).toBe('default');
  });
});

describe('applyReload', () => {
  it('puts the analyzers in place first, then everything that cannot fail', async () => {
    const { settings, did, reload } = build({}, () => ({ set: ['analyzers.budget=1s', 'log.level=warn'] }));
    expect(await reload()).toEqual({ ok: true, changed: ['analyzers.budget', 'log.level'], needsRestart: [] });
    expect(did).toEqual(['analyzers 1000', 'hide', 'level warn', ...ALL_TOLD]);
    expect(settings.config.log.level).toBe('warn');
  });

  it('leaves the analyzers alone when nothing about them changed', async () => {
    const { did, reload } = build({}, () => ({ set: ['log.level=warn'] }));
    await reload();
    expect(did).toEqual(['hide', 'level warn', ...ALL_TOLD]);
  });

  it('goes on saying what needs a restart until there was one, and works on with the old value', async () => {
    const { settings, reload } = build({}, () => ({ set: ['timeframes=[1m, 5m]'] }));
    for (let time = 0; time < 2; time++) {
      expect(await reload()).toEqual({ ok: true, changed: [], needsRestart: ['timeframes'] });
      expect(settings.config.timeframes).toEqual(['5m', '15m', '1h']);
    }
  });

  it('changes the token that clients must present', async () => {
    let token = 'a-long-enough-token';
    const { access, reload } = build({}, () => ({ env: { [TOKEN]: token } }));
    await reload();
    token = 'another-long-token';
    expect(await reload()).toEqual({ ok: true, changed: ['server.token'], needsRestart: [] });
    expect(access.map(({ token }) => token)).toEqual(['a-long-enough-token', 'another-long-token']);
  });

  it('keeps the token of a server that goes on listening to others, though the host read would need none', async () => {
    const running = { env: { [TOKEN]: 'a-long-enough-token' }, set: ['server.host=0.0.0.0'] };
    const { settings, did, reload } = build(running, () => ({}));
    const outcome = await reload();
    expect(outcome).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/server\.host: found 0\.0\.0\.0.*token/),
    });
    expect(did).toEqual([]);
    expect(settings.config.server.token?.reveal()).toBe('a-long-enough-token');
  });

  it('refuses a deadline that is sound only beside a base timeframe that needs a restart', async () => {
    const { did, reload } = build({}, () => ({ set: ['timeframes=[1h]', 'cycle.deadline=10m'] }));
    expect(await reload()).toMatchObject({ ok: false, reason: expect.stringContaining('cycle.deadline') });
    expect(did).toEqual([]);
  });

  it('refuses a wrong configuration whole, and analyzers that cannot be had', async () => {
    const wrong = build({}, () => ({ set: ['log.level=loud', 'cycle.deadline=20s'] }));
    expect(await wrong.reload()).toMatchObject({ ok: false, reason: expect.stringContaining('log.level') });
    const absent = build({}, () => ({ set: ['analyzers.budget=1s', 'log.level=warn'] }));
    absent.failing.analyzers = new ConfigError('analyzers.enabled[0]: unknown analyzer');
    expect(await absent.reload()).toEqual({ ok: false, reason: 'analyzers.enabled[0]: unknown analyzer' });
    for (const { did, settings } of [wrong, absent]) {
      expect(did).toEqual([]);
      expect(settings.config).toMatchObject({ log: { level: 'info' }, cycle: { deadlineMs: 30_000 } });
    }
  });

  it('does not hide what is no fault of the configuration', async () => {
    const { failing, reload, did } = build({}, () => ({ set: ['analyzers.budget=1s'] }));
    failing.analyzers = new Error('no thread could be started');
    await expect(reload()).rejects.toThrow('no thread');
    expect(did).toEqual([]);
  });
});

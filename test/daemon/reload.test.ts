import { describe, expect, it } from 'vitest';
import { type ConfigSources, loadConfig } from '../../src/config/load.js';
import { applyReload, changeBetween, merged } from '../../src/daemon/reload.js';
import { Settings } from '../../src/daemon/settings.js';
import { ConfigError } from '../../src/domain/errors.js';
import type { ServerAccess } from '../../src/server/server.js';
import { configFiles } from '../support/config-files.js';

const write = configFiles();
const TOKEN = 'CANDLESCAN_SERVER__TOKEN';

const load = (sources: ConfigSources = {}) => loadConfig({ cores: 2, ...sources });

/** What is told, in the order of telling. */
function build(running: ConfigSources, read: () => ConfigSources) {
  const settings = new Settings(load(running));
  const did: string[] = [];
  const access: ServerAccess[] = [];
  const failing: { analyzers: Error | null } = { analyzers: null };
  const reload = () =>
    applyReload({
      settings,
      analyzers: {
        replace: async ({ budgetMs }) => {
          if (failing.analyzers !== null) throw failing.analyzers;
          did.push(`analyzers ${budgetMs}`);
        },
      },
      server: {
        reconfigure: (next) => {
          did.push('server');
          access.push(next);
        },
      },
      log: {
        hide: () => void did.push('hide'),
        setLevel: (level) => void did.push(`level ${level}`),
      },
      readConfig: () => load(read()),
    });
  return { settings, did, access, failing, reload };
}

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
  it('takes over exactly the keys that it says take effect', () => {
    const set = [
      'log.level=debug',
      'cycle.deadline=20s',
      'cycle.provisional=false',
      'cycle.settle=3s',
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
    expect(did).toEqual(['analyzers 1000', 'hide', 'level warn', 'server']);
    expect(settings.config.log.level).toBe('warn');
  });

  it('leaves the analyzers alone when nothing about them changed', async () => {
    const { did, reload } = build({}, () => ({ set: ['log.level=warn'] }));
    await reload();
    expect(did).toEqual(['hide', 'level warn', 'server']);
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

  it('refuses a deadline that is sound only beside a settle time that needs a restart', async () => {
    const { did, reload } = build({ set: ['cycle.settle=20s'] }, () => ({ set: ['cycle.deadline=10s'] }));
    expect(await reload()).toMatchObject({ ok: false, reason: expect.stringContaining('cycle.') });
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

import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { refuseToStart, runDoctor } from '../../src/doctor/doctor.js';
import { ConfigError, ExchangeError } from '../../src/domain/errors.js';
import { diagnose, failing, HEALTHY_EXCHANGE, HEALTHY_PROCESS, healthyProbes } from '../support/doctor.js';
import { FakeClock, settled } from '../support/fake-clock.js';

describe('the report', () => {
  it('is ok when nothing is wrong: no check warns or fails, and none that is required is skipped', async () => {
    const { schema, ok, checks } = await diagnose();
    expect([schema, ok]).toEqual([1, true]);
    expect(checks.filter(({ status }) => status === 'warn' || status === 'fail')).toEqual([]);
    expect(checks.filter(({ level, status }) => level === 'required' && status !== 'ok')).toEqual([]);
  });

  it('has every row once, with a title, and a fix where something is wrong', async () => {
    const broken = await diagnose({
      probes: {
        directory: async (path) => ({ nearest: path, stat: { mode: 0o40777, uid: 0 }, error: failing('EROFS') }),
        disk: async () => ({ freeBytes: 0, freeFiles: 0 }),
        openFilesLimit: async () => 10,
        bind: async () => 'EADDRINUSE',
        exchange: async () => Promise.reject(new ExchangeError('unreachable', 'no')),
      },
    });
    expect(broken.ok).toBe(false);
    expect(new Set(broken.checks.map(({ id }) => id)).size).toBe(broken.checks.length);
    for (const { title, status, expected, fix } of broken.checks) {
      expect(title).not.toBe('');
      if (status === 'fail' || status === 'warn') expect([expected, fix]).not.toContain(null);
    }
  });

  it('is ok when only something recommended is wrong', async () => {
    const { ok, checks } = await diagnose({ probes: { stream: async () => Promise.reject(new Error('silent')) } });
    expect(ok).toBe(true);
    expect(checks.find(({ id }) => id === 'stream')).toMatchObject({ status: 'warn', found: 'silent' });
  });

  it('names the fault of a wrong configuration, judges what needs none and skips the rest', async () => {
    const report = await runDoctor({
      config: new ConfigError('my.yaml:2: exchange.weightShare: found 1.5, allowed less'),
      probes: healthyProbes({ directory: () => expect.fail('asked without a configuration') }),
      clock: new FakeClock(),
    });
    expect(report.ok).toBe(false);
    const byId = new Map(report.checks.map((check) => [check.id, check]));
    expect(byId.get('config')).toMatchObject({ status: 'fail', found: expect.stringContaining('my.yaml:2') });
    expect(byId.get('node-version')).toMatchObject({ status: 'ok' });
    expect(byId.get('data-dir')).toMatchObject({ status: 'skipped', found: 'the configuration is wrong' });
    expect(byId.get('weight-start')).toMatchObject({ status: 'skipped' });
  });

  it('says what an exchange that cannot be reached said, and skips what depends on it', async () => {
    const refused = new ExchangeError('unreachable', '127.0.0.1:9 refused the connection');
    const { ok, checks } = await diagnose({ probes: { exchange: async () => Promise.reject(refused) } });
    expect(ok).toBe(false);
    expect(checks.find(({ id }) => id === 'exchange')).toMatchObject({ status: 'fail', found: refused.message });
    const dependent = checks.filter(({ found }) => found === 'the exchange did not answer');
    expect(dependent.map(({ id, status }) => [id, status])).toEqual(
      ['clock', 'universe', 'stream', 'weight-start', 'weight-slot', 'streams'].map((id) => [id, 'skipped']),
    );
  });

  it('asks the exchange once for all checks', async () => {
    let asked = 0;
    const counting = async () => {
      asked += 1;
      return HEALTHY_EXCHANGE;
    };
    await diagnose({ probes: { exchange: counting } });
    expect(asked).toBe(1);
  });

  it('reports a check that breaks, as failed when it is required, and finishes the others', async () => {
    const { ok, checks } = await diagnose({
      probes: {
        openFilesLimit: async () => Promise.reject(new Error('no such luck')),
        stream: async () => Promise.reject(new Error('neither')),
      },
    });
    expect(ok).toBe(false);
    expect(checks.find(({ id }) => id === 'open-files')).toMatchObject({ status: 'fail', found: 'no such luck' });
    expect(checks.filter(({ status }) => status === 'fail')).toHaveLength(1);
  });

  it('gives up on a probe that hangs after 30 s and leaves no timer', async () => {
    const clock = new FakeClock();
    const report = diagnose({ clock, probes: { resolve: () => new Promise(() => undefined) } });
    await settled();
    await clock.advance(30_000);
    const { checks } = await report;
    expect(checks.find(({ id }) => id === 'dns')).toMatchObject({ status: 'fail', found: 'no result within 30 s' });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the short form', () => {
  it('checks only what is required and local, and asks no exchange', async () => {
    const remote = () => expect.fail('asked somebody else');
    const { ok, checks } = await diagnose({
      short: true,
      probes: { exchange: remote, stream: remote, resolve: remote, connect: remote, analyzers: remote },
    });
    expect(ok).toBe(true);
    expect(new Set(checks.map(({ level }) => level))).toEqual(new Set(['required']));
    expect(checks.map(({ id }) => id)).toEqual([
      'node-version',
      'config',
      'data-dir',
      'cache-dir',
      'signals-dir',
      'open-files',
      'memory',
      'port',
    ]);
  });

  it('P6: becomes one line per fault that names where the key was set, the key, what was found and what to do', async () => {
    const set = ['server.port=9001'];
    const report = await diagnose({ short: true, config: { set }, probes: { bind: async () => 'EADDRINUSE' } });
    expect(() => refuseToStart(report, loadConfig({ set }))).toThrow(
      new ConfigError(
        '--set: server.port: found 127.0.0.1:9001 is in use (EADDRINUSE), allowed an address that can be listened on; ' +
          'stop what listens there (ss -ltnp names it), or set server.port',
      ),
    );
  });

  it.each(['ENOSPC', 'EDQUOT'])(
    'D1: lets a start pass on a disk without room (%s), which may have some again',
    async (code) => {
      const full = {
        directory: async () => ({ nearest: '/data', stat: null, error: Object.assign(new Error(code), { code }) }),
      };
      const report = await diagnose({ short: true, probes: full });
      expect(report.checks.find(({ id }) => id === 'data-dir')).toMatchObject({ status: 'warn' });
      expect(() => refuseToStart(report, loadConfig())).not.toThrow();
    },
  );

  it('lets a start pass that has warnings', async () => {
    const small = { process: { ...HEALTHY_PROCESS, memoryBytes: 512 * 2 ** 20 } };
    const report = await diagnose({ short: true, probes: small });
    expect(report.checks.find(({ id }) => id === 'memory')).toMatchObject({ level: 'required', status: 'warn' });
    expect(() => refuseToStart(report, loadConfig())).not.toThrow();
  });
});

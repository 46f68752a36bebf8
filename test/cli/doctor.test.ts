import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DoctorReport } from '../../src/doctor/contract.js';
import { systemClock } from '../../src/lib/clock.js';
import { acquireLock } from '../../src/lib/directory-lock.js';
import { seededRandom } from '../../src/lib/random.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { type Sim, startSim } from '../../src/sim/server.js';
import { candlescan, temporaryDir } from '../support/cli.js';

let sim: Sim;
const servers: Server[] = [];

beforeAll(async () => {
  const market = seededMarket({ symbols: 530, seed: 3, now: systemClock.now() });
  sim = await startSim({ market, clock: systemClock, random: seededRandom(1) });
});
afterAll(() => sim.stop());
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** The doctor on a configuration that is healthy but for `set`. */
async function doctor(set: readonly string[], { env = {}, cwd = temporaryDir(), more = ['--json'] } = {}) {
  const settings = [`exchange.restUrl=${sim.restUrl}`, `exchange.streamUrl=${sim.streamUrl}`, 'server.port=0', ...set];
  const run = await candlescan(['doctor', ...settings.flatMap((text) => ['--set', text]), ...more], env, cwd);
  const report = more.includes('--json') ? (JSON.parse(run.stdout) as DoctorReport) : null;
  const failed = (report?.checks ?? []).filter(({ level, status }) => level === 'required' && status === 'fail');
  return { ...run, cwd, report, failed };
}

async function takenPort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('candlescan doctor', () => {
  it('exits with 0 on a healthy configuration and leaves nothing behind', async () => {
    const { code, stderr, report, failed, cwd } = await doctor([]);
    expect([code, stderr, report?.schema, report?.ok]).toEqual([0, '', 1, true]);
    expect(failed).toEqual([]);
    const status = Object.fromEntries((report?.checks ?? []).map((check) => [check.id, check.status]));
    expect(status).toMatchObject({ config: 'ok', analyzers: 'ok', 'data-dir': 'ok', lock: 'ok', port: 'ok' });
    expect(status).toMatchObject({ exchange: 'ok', universe: 'ok', 'weight-start': 'ok', streams: 'ok', stream: 'ok' });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('starts the embedded exchange, examines it and stops it', async () => {
    const run = await candlescan(['doctor', '--json', '--set', 'exchange.id=sim', '--set', 'server.port=0']);
    expect(run.code).toBe(0);
    const { checks } = JSON.parse(run.stdout) as DoctorReport;
    expect(checks.find(({ id }) => id === 'universe')?.found).toMatch(/^530 of \d+ markets$/);
    const url = /http:\S+/.exec(checks.find(({ id }) => id === 'exchange')?.found ?? '')?.[0] ?? '';
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  it('P6: exits with 78 for a value that is not allowed, and names file, key, found and allowed', async () => {
    const cwd = temporaryDir();
    writeFileSync(join(cwd, 'my.yaml'), 'exchange:\n  weightShare: 1.5\n');
    const { code, failed, stderr, report } = await doctor([], { cwd, more: ['--json', '--config', 'my.yaml'] });
    expect([code, report?.ok]).toEqual([78, false]);
    expect(failed.map(({ id }) => id)).toEqual(['config']);
    const fault = /my\.yaml:2.*exchange\.weightShare.*1\.5.*allowed/;
    expect(failed[0]?.found).toMatch(fault);
    expect(stderr).toMatch(fault);
  });

  it('P6: exits with 1 for a data directory that is a file', async () => {
    const cwd = temporaryDir();
    writeFileSync(join(cwd, 'taken'), '');
    const { code, failed } = await doctor([], { cwd, more: ['--json', '--data-dir', 'taken'] });
    expect(code).toBe(1);
    expect(failed.map(({ id, key }) => [id, key])).toContainEqual(['data-dir', 'dataDir']);
    expect(failed[0]?.found).toBe(`${join(cwd, 'taken')}: a part of the path is a file, not a directory (ENOTDIR)`);
  });

  it('P6: exits with 1 for a port in use', async () => {
    const port = await takenPort();
    const { code, failed } = await doctor([`server.port=${port}`]);
    expect(code).toBe(1);
    expect(failed).toMatchObject([
      { id: 'port', key: 'server.port', found: `127.0.0.1:${port} is in use (EADDRINUSE)` },
    ]);
  });

  it('exits with 1 for an exchange that refuses the connection', async () => {
    const { code, failed } = await doctor(['exchange.restUrl=http://127.0.0.1:9', 'exchange.requestTimeout=2s']);
    expect(code).toBe(1);
    expect(failed).toMatchObject([{ id: 'exchange', found: expect.stringContaining('127.0.0.1:9') }]);
  });

  it('exits with 1 for a share of the budget that is too small', async () => {
    const { code, failed } = await doctor(['exchange.weightShare=0.01']);
    expect(code).toBe(1);
    expect(failed).toMatchObject([{ id: 'weight-start', found: expect.stringContaining('67 minutes at 24 a minute') }]);
  });

  it('P10: names the holder of the lock, and a daemon that runs is no fault', async () => {
    const cwd = temporaryDir();
    mkdirSync(join(cwd, 'data'));
    const self = { pid: process.pid, startedAt: '2026-01-01T00:00:00.000Z', version: '1.0.0', command: 'run' };
    const lock = await acquireLock(join(cwd, 'data'), self);
    const { code, report } = await doctor([`server.port=${await takenPort()}`], { cwd });
    await lock.release();
    expect(code).toBe(0);
    expect(report?.checks.filter(({ id }) => id === 'lock' || id === 'port')).toMatchObject([
      { status: 'warn', found: expect.stringContaining(`process ${process.pid} (run, version 1.0.0`) },
      { status: 'warn', found: expect.stringContaining('probably by the holder of the lock') },
    ]);
  });

  it('shows no secret, neither in the table nor in JSON', async () => {
    const env = {
      CANDLESCAN_SERVER__TOKEN: 'hush-token',
      CANDLESCAN_NOTIFY__SINKS: '[{name: alarm, type: discord}]',
      CANDLESCAN_NOTIFY__SINKS__ALARM__URL: `http://127.0.0.1:${await takenPort()}/hush-path`,
    };
    for (const format of ['--json', '--no-color']) {
      const { stdout, stderr } = await doctor([], { env, more: ['--check-sinks', format] });
      expect(stdout).toContain('1 sink reached: alarm (discord)');
      expect(stdout + stderr).not.toContain('hush');
    }
  });

  it('prints a table grouped by level, with what is expected and what to do where something is wrong', async () => {
    const { code, stdout } = await doctor(['stream.streamsPerConnection=1'], { more: [] });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^required\n ok +Node version/);
    expect(stdout.indexOf('\nrecommended\n')).toBeGreaterThan(0);
    expect(stdout.indexOf('\noptional\n')).toBeGreaterThan(stdout.indexOf('\nrecommended\n'));
    expect(stdout).toMatch(
      / fail +streams +530 streams of 5m on 530 connections\n +expected +at most .*\n +to do +raise stream\.streamsPerConnection/,
    );
    expect(stdout).toMatch(/\nnot fit to run \(\d+ ok, \d+ warn, 1 fail, \d+ skipped\)\n$/);
  });
});

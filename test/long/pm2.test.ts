import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STOPPED_EARLY } from '../../src/lib/service-manager.js';
import type { SimProcess } from '../../src/sim/process.js';
import { candlescan, temporaryDir } from '../support/cli.js';
import { ROOT, rootFile } from '../support/ops.js';
import { type DaemonPlace, daemonPlace, installPm2, Pm2 } from '../support/pm2.js';
import { freePort, simProcess, slowness, statusOf, until } from '../support/surroundings.js';

const APP = 'candlescan';
const START = ['start', join(ROOT, 'ecosystem.config.cjs')];
const bin = process.platform === 'linux' ? await installPm2() : null;
const logrotate = spawnSync('logrotate', ['--version']).error === undefined;

// The tests follow one daemon through its life, in this order.
describe.skipIf(bin === null)('under pm2 (skipped where it cannot be installed, or not on Linux)', () => {
  let sim: SimProcess;
  let place: DaemonPlace;
  let pm2: Pm2;

  beforeAll(async () => {
    sim = await simProcess('--symbols', '40', '--latency-ms', '5');
    place = await daemonPlace(sim);
    pm2 = new Pm2(bin as string, temporaryDir());
  });

  afterAll(async () => {
    const left = pm2?.children() ?? [];
    await pm2?.kill();
    // pm2 forgets processes when it has started two.
    for (const pid of left.filter((each) => existsSync(`/proc/${each}`))) process.kill(pid, 'SIGKILL');
    await sim?.stop();
  });

  const ready = async () => (await statusOf(place.port, '/readyz')) === 200;

  /** The most processes that pm2 had at once while `work` ran. */
  async function mostAtOnce(work: () => Promise<unknown>): Promise<number> {
    let most = 0;
    const watcher = setInterval(() => {
      most = Math.max(most, pm2.children().length);
    }, 5);
    await work().finally(() => clearInterval(watcher));
    return most;
  }

  it('P7: is launching until it says that it is ready, and online from then on', async ({ annotate }) => {
    const begunMs = performance.now();
    const start = pm2.call(START, place.env).then(() => 'started' as const);
    await until('the first process', 20_000, () => existsSync(join(pm2.home, 'pm2.pid')));
    const before: (string | undefined)[] = [];
    // What a look began before the start was over shows may be from after it: only the one before it counts.
    for (let look: string | undefined; look !== 'started'; before.push(look)) {
      look = await Promise.race([start, pm2.app(APP).then((app) => app?.status)]);
    }
    await annotate(`cold start under pm2: ${Math.round(performance.now() - begunMs)} ms`);
    expect(new Set(before.slice(0, -2))).toEqual(new Set(['launching']));
    expect(await pm2.app(APP)).toMatchObject({ status: 'online', restarts: 0 });
    expect(await ready()).toBe(true);
    expect(pm2.children()).toHaveLength(1);
  });

  it('S13: carries nothing of pm2 and no flag of Node', async () => {
    const { pid } = (await pm2.app(APP)) ?? { pid: 0 };
    expect(readFileSync(`/proc/${pid}/maps`, 'utf8')).not.toMatch(/pm2.*\.node/);
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')).toContain('pmx=false');
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('--inspect');
  });

  it('P10: lets no second daemon in, and stays as it was', async () => {
    const before = await pm2.app(APP);
    const env = { ...place.env, CANDLESCAN_SERVER__PORT: String(await freePort()) };
    const second = await candlescan(['run'], env);
    expect(second.code).toBe(75);
    expect(second.stderr).toContain(`process ${before?.pid} (run`);
    expect(await pm2.app(APP)).toEqual(before);
    expect(await ready()).toBe(true);
  });

  it.skipIf(!logrotate)(
    'goes on logging after logrotate has moved the file away (skipped without logrotate)',
    async () => {
      const log = join(pm2.home, 'logs', `${APP}-error.log`);
      const { username, gid } = userInfo();
      const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim() || String(gid);
      const config = join(temporaryDir(), 'candlescan');
      const text = rootFile('ops/logrotate/candlescan')
        .replaceAll('/home/candlescan/.pm2', pm2.home)
        .replace('su candlescan candlescan', `su ${username} ${group}`);
      writeFileSync(config, text, { mode: 0o600 });
      expect(statSync(log).size).toBeGreaterThan(0);
      const { ino } = statSync(log);
      execFileSync('logrotate', ['--force', '--state', `${config}.state`, config]);
      expect(statSync(`${log}.1`).ino).toBe(ino);
      await until('a new file', 5_000, () => existsSync(log));
      for (const line of readFileSync(`${log}.1`, 'utf8').trim().split('\n')) {
        expect(JSON.parse(line)).toHaveProperty('time');
      }
    },
  );

  it('P7: pm2 reload stops the old one, exit code 0, before it starts the new one', async ({ annotate }) => {
    const before = await pm2.app(APP);
    const logged = pm2.log().length;
    const begunMs = performance.now();
    expect(await mostAtOnce(() => pm2.call(['reload', APP]))).toBe(1);
    await annotate(`reload: ${Math.round(performance.now() - begunMs)} ms`);
    const after = await pm2.app(APP);
    expect(after).toMatchObject({ status: 'online' });
    expect(after?.pid).not.toBe(before?.pid);
    expect(await ready()).toBe(true);
    const log = pm2.log().slice(logged);
    expect(log).toContain('exited with code [0]');
    expect(log).not.toContain('SIGKILL');
  });

  it('P1: is ready again within 3 s of kill -9, its candles on disk, best of three', async ({ annotate }) => {
    const tookMs: number[] = [];
    for (let kill = 0; kill < 3; kill++) {
      const [before = 0] = pm2.children();
      process.kill(before, 'SIGKILL');
      const killedMs = performance.now();
      await until('ready', 30_000, async () => !pm2.children().includes(before) && (await ready()));
      tookMs.push(Math.round(performance.now() - killedMs));
      const after = await until('online', 10_000, async () => {
        const app = await pm2.app(APP);
        return app?.status === 'online' ? app : null;
      });
      expect(pm2.children()).toEqual([after.pid]);
    }
    await annotate(
      `kill -9 to ready: ${tookMs.join(', ')} ms, on a machine ${slowness().toFixed(1)} times slower than idle`,
    );
    expect(Math.min(...tookMs)).toBeLessThanOrEqual(3_000 * slowness());
  });

  it('P3: pm2 stop ends it with exit code 0, within 5 s and not by force', async ({ annotate }) => {
    const logged = pm2.log().length;
    const begunMs = performance.now();
    await pm2.call(['stop', APP]);
    const tookMs = Math.round(performance.now() - begunMs);
    await annotate(`pm2 stop: ${tookMs} ms`);
    expect(tookMs).toBeLessThan(5_000 * slowness());
    expect(await pm2.app(APP)).toMatchObject({ pid: 0, status: 'stopped', exitCode: 0 });
    const log = pm2.log().slice(logged);
    expect(log).toContain('exited with code [0]');
    expect(log).not.toContain('SIGKILL');
    expect(pm2.children()).toEqual([]);
  });

  it('P6: a wrong configuration is started once, not in a loop, and the log says what is wrong in one line', async () => {
    await pm2.call(['delete', APP]);
    const log = join(pm2.home, 'logs', `${APP}-error.log`);
    writeFileSync(log, '');
    await pm2.call(START, { ...place.env, CANDLESCAN_CYCLE__SETTLE: 'soon' });
    await sleep(3_000);
    expect(await pm2.app(APP)).toMatchObject({ pid: 0, restarts: 0, exitCode: 78 });
    expect(pm2.children()).toEqual([]);
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/CANDLESCAN_CYCLE__SETTLE.*cycle\.settle.*soon.*allowed/);
  });

  describe('while it is launching, on a slow exchange', () => {
    let slow: SimProcess;
    let start: Promise<string>;

    beforeAll(async () => {
      slow = await simProcess('--symbols', '40', '--latency-ms', '3000');
      place = await daemonPlace(slow);
      await pm2.call(['delete', APP]);
      start = pm2.call(START, place.env);
      await serving();
    });

    afterAll(async () => {
      await start;
      await slow?.stop();
    });

    /** From here on it hears signals. Before, they end it, which pm2 takes for a crash. */
    const serving = () => until('HTTP', 20_000, async () => (await statusOf(place.port, '/healthz')) === 200);

    it('P7: pm2 restart leaves one, not two', async () => {
      expect((await pm2.app(APP))?.status).toBe('launching');
      expect(await ready()).toBe(false);
      const [before] = pm2.children();
      const restart = pm2.call(['restart', APP]);
      await until('another process', 20_000, () => pm2.children().length === 1 && pm2.children()[0] !== before);
      await serving();
      await sleep(1_000);
      expect(pm2.children()).toEqual([(await pm2.app(APP))?.pid]);
      await pm2.call(['stop', APP]);
      await restart;
    });

    it('P7: pm2 stop stops it', async () => {
      const restart = pm2.call(['restart', APP]);
      await serving();
      expect((await pm2.app(APP))?.status).toBe('launching');
      await pm2.call(['stop', APP]);
      await restart;
      await sleep(1_000);
      expect(pm2.children()).toEqual([]);
      expect(await pm2.app(APP)).toMatchObject({ pid: 0, status: 'stopped', exitCode: STOPPED_EARLY });
    });
  });
});

import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.js';
import { createServiceManager, type ServiceManagerOptions, STOPPED_EARLY } from '../../src/lib/service-manager.js';
import { drained, FakeClock } from '../support/fake-clock.js';

const UNIT = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' };

function build(options: Partial<ServiceManagerOptions> = {}) {
  const clock = new FakeClock(undefined, drained);
  const told: string[] = [];
  const manager = createServiceManager({
    env: UNIT,
    pid: 7,
    clock,
    notify: async (assignments) => {
      told.push(...assignments);
    },
    ...options,
  });
  return { clock, told, manager };
}

describe('under systemd', () => {
  it('says that it is ready, pings twice per watchdog interval, says that it stops, in that order', async () => {
    const { clock, told, manager } = build();
    await clock.advance(119_000);
    expect(told).toEqual([]);
    manager.ready();
    await clock.advance(29_999);
    expect(told).toEqual(['READY=1']);
    await clock.advance(60_001);
    expect(told).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    manager.stopping();
    await manager.stop();
    expect(told.at(-1)).toBe('STOPPING=1');
    expect(manager.stats()).toEqual({ pings: 3, withheld: 0, failures: 0 });
  });

  it('says each thing once, however often it is told', async () => {
    const { clock, told, manager } = build();
    manager.ready();
    manager.ready();
    await clock.advance(30_000);
    manager.stopping();
    manager.stopping();
    manager.ready();
    await manager.stop();
    expect(told).toEqual(['READY=1', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('says after 120 s that it is ready whatever it waits for, before systemd ends it for being late', async () => {
    const { clock, told, manager } = build();
    await clock.advance(119_999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['READY=1']);
    manager.ready();
    await clock.advance(30_000);
    expect(told).toEqual(['READY=1', 'WATCHDOG=1']);
  });

  it('does not say that it is ready once it ends', async () => {
    const { clock, told, manager } = build();
    manager.stopping();
    expect(clock.pendingTimers).toBe(0);
    manager.ready();
    await clock.advance(600_000);
    await manager.stop();
    expect(told).toEqual(['STOPPING=1']);
  });

  it('does not keep alive what no longer does its work, and goes on when it does', async () => {
    let alive = true;
    const { clock, told, manager } = build({ isAlive: () => alive });
    manager.ready();
    await clock.advance(30_000);
    alive = false;
    await clock.advance(60_000);
    expect(told).toEqual(['READY=1', 'WATCHDOG=1']);
    alive = true;
    await clock.advance(30_000);
    expect(manager.stats()).toEqual({ pings: 2, withheld: 2, failures: 0 });
  });

  it('takes a judge that throws for one that says no', async () => {
    const { clock, manager } = build({
      isAlive: () => {
        throw new Error('broken');
      },
    });
    manager.ready();
    await clock.advance(30_000);
    expect(manager.stats()).toEqual({ pings: 0, withheld: 1, failures: 0 });
  });

  it('counts messages that fail and goes on', async () => {
    const { clock, manager } = build({ notify: () => Promise.reject(new Error('ENOENT')) });
    manager.ready();
    await clock.advance(60_000);
    manager.stopping();
    await manager.stop();
    expect(manager.stats()).toEqual({ pings: 2, withheld: 0, failures: 4 });
  });

  it('queues no pings behind one that hangs', async () => {
    let release = () => {};
    let calls = 0;
    const { clock, manager } = build({
      notify: () => {
        calls += 1;
        if (calls === 1) return Promise.resolve();
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    });
    manager.ready();
    await clock.advance(300_000);
    expect(calls).toBe(2);
    release();
    await clock.advance(30_000);
    expect(calls).toBe(3);
  });

  it('leaves no timer behind and waits for the last message when it stops', async () => {
    let release = () => {};
    const { clock, manager } = build({
      notify: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    });
    manager.ready();
    await drained();
    expect(clock.pendingTimers).toBe(1);
    const stop = Promise.all([manager.stop(), manager.stop()]);
    await drained();
    expect(clock.pendingTimers).toBe(0);
    expect(await Promise.race([stop, Promise.resolve('waits')])).toBe('waits');
    release();
    await stop;
    manager.ready();
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['no watchdog is asked for', { NOTIFY_SOCKET: '/run/x' }],
    ['another process is watched', { ...UNIT, WATCHDOG_PID: '8' }],
    ['the interval is no number', { ...UNIT, WATCHDOG_USEC: 'often' }],
    ['the interval is 0', { ...UNIT, WATCHDOG_USEC: '0' }],
  ])('pings nobody when %s', async (_, env) => {
    const { clock, told, manager } = build({ env });
    manager.ready();
    await clock.advance(600_000);
    expect(told).toEqual(['READY=1']);
    expect(clock.pendingTimers).toBe(0);
  });

  it.skipIf(process.platform === 'win32')(
    'runs systemd-notify with the socket and nothing of the secrets',
    async () => {
      const dir = mkdtempSync(join(tmpdir(), 'candlescan-test-'));
      const command = join(dir, 'systemd-notify');
      writeFileSync(command, `#!/bin/sh\n{ echo "$@"; env; } >>"${dir}/told"\n`);
      chmodSync(command, 0o700);
      const env = {
        PATH: `${dir}:${process.env['PATH']}`,
        NOTIFY_SOCKET: '/run/x',
        CANDLESCAN_SERVER__TOKEN: 'canary',
      };
      const manager = createServiceManager({ env, clock: systemClock });
      manager.ready();
      manager.stopping();
      await manager.stop();
      const told = readFileSync(join(dir, 'told'), 'utf8');
      expect(told).toMatch(/^READY=1\n[^]*^NOTIFY_SOCKET=\/run\/x\n[^]*^STOPPING=1\n/m);
      expect(told).not.toContain('canary');
      expect(manager.stats().failures).toBe(0);
    },
  );

  it('counts a systemd-notify that is not there', async () => {
    const manager = createServiceManager({ env: { PATH: '', NOTIFY_SOCKET: '/run/x' }, clock: systemClock });
    manager.ready();
    await manager.stop();
    expect(manager.stats().failures).toBe(1);
  });
});

describe('under pm2', () => {
  const env = { pm_id: '0' };

  it('sends ready once, and nothing at the end', () => {
    const sent: string[] = [];
    const { manager } = build({ env, send: (message) => sent.push(message) });
    expect(sent).toEqual([]);
    manager.ready();
    manager.ready();
    manager.stopping();
    expect(sent).toEqual(['ready']);
  });

  it('survives a channel that is closed', () => {
    const { manager } = build({ env, send: (_, callback) => callback(new Error('ERR_IPC_CHANNEL_CLOSED')) });
    manager.ready();
    expect(manager.stats().failures).toBe(1);
    const throwing = build({
      env,
      send: () => {
        throw new Error('EPIPE');
      },
    });
    throwing.manager.ready();
    expect(throwing.manager.stats().failures).toBe(1);
  });

  it('exits with another code than 0 when it is stopped before it was ready, and only then', () => {
    const send = () => true;
    const { manager } = build({ env, send });
    expect([manager.exitCode(0), manager.exitCode(1), manager.exitCode(78)]).toEqual([STOPPED_EARLY, 1, 78]);
    manager.ready();
    expect([manager.exitCode(0), manager.exitCode(1)]).toEqual([0, 1]);
    expect(build({ env: {}, send }).manager.exitCode(0)).toBe(0);
    expect(build({ env }).manager.exitCode(0)).toBe(0);
  });
});

describe('where nobody supervises', () => {
  it('tells nobody, sets no timer, and ends at once', async () => {
    const { clock, told, manager } = build({ env: {} });
    expect(clock.pendingTimers).toBe(0);
    manager.ready();
    expect(clock.pendingTimers).toBe(0);
    manager.stopping();
    await manager.stop();
    expect(told).toEqual([]);
    expect(manager.stats()).toEqual({ pings: 0, withheld: 0, failures: 0 });
  });
});

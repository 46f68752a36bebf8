import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/io.js';
import { loadConfig } from '../../src/config/load.js';
import { STOPPED_EARLY } from '../../src/lib/service-manager.js';
import { DAEMON, ROOT, rootFile } from '../support/ops.js';

interface App {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly stop_exit_codes: readonly number[];
  readonly listen_timeout: number;
  readonly kill_timeout: number;
  readonly exp_backoff_restart_delay: number;
  readonly max_memory_restart: string;
  readonly node_args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const { apps } = createRequire(import.meta.url)(join(ROOT, 'ecosystem.config.cjs')) as { apps: readonly App[] };
const app = apps[0] as App;

/** After this many starts that lived for less than a second, within as many seconds, pm2 7.0.4 gives up (lib/God.js). */
const PM2_MAX_RESTARTS = 16;
const PM2_MIN_UPTIME_MS = 1_000;
const PM2_LONGEST_DELAY_MS = 15_000;

describe('ecosystem.config.cjs', () => {
  it('P7: runs one app, once, forked, and waits until it says that it is ready', () => {
    expect(apps).toHaveLength(1);
    expect(app).toMatchObject({
      name: 'candlescan',
      exec_mode: 'fork',
      instances: 1,
      wait_ready: true,
      autorestart: true,
      watch: false,
    });
  });

  it('starts the program that package.json names, from any directory', () => {
    const { bin } = JSON.parse(rootFile('package.json')) as { bin: { candlescan: string } };
    expect(app.script).toBe(bin.candlescan);
    expect(app.args).toEqual(['run']);
    expect(join(app.cwd, 'package.json')).toBe(join(ROOT, 'package.json'));
    expect(existsSync(join(app.cwd, 'src/main.ts'))).toBe(true);
  });

  it('P7: waits longer for ready than the daemon takes at most', () => {
    expect(app.listen_timeout).toBeGreaterThan(DAEMON.readyMs);
  });

  it('P4: lets it end by itself: kills only after its hard deadline, and leaves its children to it', () => {
    expect(app.kill_timeout).toBe(10_000);
    expect(app.kill_timeout).toBeGreaterThan(DAEMON.hardDeadlineMs);
    expect(app).toMatchObject({ treekill: false, shutdown_with_message: process.platform === 'win32' });
  });

  it('P6: does not restart what a restart cannot mend, and does restart everything else', () => {
    expect(app.stop_exit_codes).toEqual([EXIT.usage, EXIT.configWrong, STOPPED_EARLY]);
    // pm2 also sees 0 when a signal has ended the process.
    for (const code of [EXIT.done, EXIT.failed, EXIT.exchangeUnreachable, EXIT.dataDirInUse, 134, 137]) {
      expect(app.stop_exit_codes).not.toContain(code);
    }
  });

  it('never gives up: its delays outlast the time in which pm2 counts restarts', () => {
    let delayMs = app.exp_backoff_restart_delay;
    let passedMs = 0;
    for (let restart = 1; restart < PM2_MAX_RESTARTS; restart++) {
      passedMs += delayMs;
      delayMs = Math.floor(Math.min(PM2_LONGEST_DELAY_MS, delayMs * 1.5));
    }
    expect(passedMs).toBeGreaterThan(PM2_MAX_RESTARTS * PM2_MIN_UPTIME_MS);
    expect(app.exp_backoff_restart_delay).toBeLessThanOrEqual(500);
  });

  it('P8: restarts for memory only above the last level of the daemon itself', () => {
    const [, mebibytes] = /^(\d+)M$/.exec(app.max_memory_restart) ?? [];
    const { limitBytes } = loadConfig().config.memory;
    expect(Number(mebibytes) * 2 ** 20).toBeGreaterThan(limitBytes * DAEMON.lastPressure);
  });

  it('S13: opens no inspector and gives Node no flags; nothing of pm2 runs in the process', () => {
    expect(app.node_args).toEqual([]);
    expect(app.env).not.toHaveProperty('NODE_OPTIONS');
    expect(app).toMatchObject({ pmx: false, vizion: false });
  });

  it('S7: holds no secret and no setting: those come from the environment and from files', () => {
    expect(Object.keys(app.env)).toEqual(['NODE_ENV']);
    expect(() => loadConfig({ env: app.env })).not.toThrow();
  });

  it('writes JSON lines as they are, to one file over all restarts, which logrotate knows', () => {
    expect(app).toMatchObject({ time: false, merge_logs: true });
    expect(rootFile('ops/logrotate/candlescan')).toContain(`/.pm2/logs/${app.name}-*.log {`);
  });
});

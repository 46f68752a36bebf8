import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/io.js';
import { loadConfig } from '../../src/config/load.js';
import { DAEMON, parseUnit, ROOT, reachesLastPressure, rootFile } from '../support/ops.js';

const FILE = 'ops/systemd/candlescan.service';
const unit = parseUnit(rootFile(FILE));
const service = (key: string) => unit.get(`Service.${key}`) ?? [];
const seconds = (key: string) => Number(service(key)[0]) * 1_000;
const version = Number(
  /^systemd (\d+)/.exec(spawnSync('systemd-analyze', ['--version']).stdout?.toString() ?? '')?.[1],
);

describe('the systemd unit', () => {
  it('is started when the daemon says so, through a child', () => {
    expect(service('Type')).toEqual(['notify']);
    expect(service('NotifyAccess')).toEqual(['all']);
    expect(seconds('TimeoutStartSec')).toBeGreaterThan(DAEMON.readyMs);
    expect(service('ExecStart')).toEqual(['/usr/bin/node /opt/candlescan/dist/main.js run']);
  });

  it('is reloaded by the signal that has the daemon read its configuration again', () => {
    expect(service('ExecReload')).toEqual([`/bin/sh -c 'kill -HUP "$MAINPID"'`]);
  });

  it('P3, P4: signals the daemon only, and kills it only after its hard deadline', () => {
    expect(service('KillMode')).toEqual(['mixed']);
    expect(seconds('TimeoutStopSec')).toBeGreaterThan(DAEMON.hardDeadlineMs);
    expect(unit.has('Service.KillSignal')).toBe(false);
  });

  it('P6: restarts it for ever, except what a restart cannot mend', () => {
    expect(service('Restart')).toEqual(['always']);
    expect(service('RestartPreventExitStatus')).toEqual([`${EXIT.usage} ${EXIT.configWrong}`]);
    expect(unit.get('Unit.StartLimitIntervalSec')).toEqual(['0']);
    expect(seconds('RestartSec')).toBe(1_000);
    expect(seconds('RestartMaxDelaySec')).toBeGreaterThan(seconds('RestartSec'));
    expect(Number(service('RestartSteps')[0])).toBeGreaterThan(0);
  });

  it('restarts one that hangs, letting it save what it can', () => {
    expect(seconds('WatchdogSec')).toBe(60_000);
    expect(service('WatchdogSignal')).toEqual(['SIGTERM']);
  });

  it('P8: bounds memory, and the heap in it, only above the last level of the daemon itself, and file descriptors far above its needs', () => {
    const [, mebibytes] = /^(\d+)M$/.exec(service('MemoryMax')[0] ?? '') ?? [];
    const { memory } = loadConfig().config;
    expect(Number(mebibytes) * 2 ** 20).toBeGreaterThan(memory.limitBytes * DAEMON.lastPressure);
    const variables = service('Environment').flatMap((line) => line.split(' '));
    const options = variables.find((variable) => variable.startsWith('NODE_OPTIONS='));
    expect(reachesLastPressure(options?.slice('NODE_OPTIONS='.length))).toBe(true);
    expect(Number(service('LimitNOFILE')[0])).toBeGreaterThanOrEqual(4_096);
  });

  it('keeps its data where only it can read it, and gives it settings that the program takes', () => {
    expect(service('DynamicUser')).toEqual(['yes']);
    expect(service('StateDirectory')).toEqual(['candlescan']);
    expect(service('StateDirectoryMode')).toEqual(['0700']);
    expect(service('UMask')).toEqual(['0077']);
    const env = Object.fromEntries(
      service('Environment').flatMap((line) => line.split(' ').map((each) => each.split('='))),
    );
    const { config } = loadConfig({ env });
    expect(config.dataDir).toBe('/var/lib/candlescan');
  });

  it('S7: holds no secret: they come from a file that only root reads', () => {
    expect(service('EnvironmentFile')).toEqual(['-/etc/candlescan/env']);
    expect(service('Environment').join(' ')).not.toMatch(/TOKEN|SECRET|PASSWORD/);
  });

  it('shuts off what the daemon does not use, and not what V8 needs', () => {
    expect(service('RestrictAddressFamilies')).toEqual(['AF_INET AF_INET6 AF_UNIX']);
    expect(service('SystemCallFilter')).toEqual(['@system-service']);
    expect(service('CapabilityBoundingSet')).toEqual(['']);
    expect(service('ProtectSystem')).toEqual(['strict']);
    for (const key of ['NoNewPrivileges', 'ProtectHome', 'PrivateTmp', 'PrivateDevices', 'RestrictNamespaces']) {
      expect(service(key), key).toEqual(['yes']);
    }
    expect(service('MemoryDenyWriteExecute')).toEqual(['no']);
  });

  describe.skipIf(Number.isNaN(version))('for systemd-analyze (skipped where it is not installed)', () => {
    it('is valid, but for keys that are newer than this systemd', () => {
      const { code, output } = verify(rootFile(FILE));
      expect(code).toBe(0);
      const newer = version < 254 ? ['RestartSteps', 'RestartMaxDelaySec'] : [];
      const complaints = output
        .split('\n')
        .filter((line) => line !== '' && !newer.some((key) => line.includes(`'${key}'`)));
      expect(complaints).toEqual([]);
    });

    it('would not be valid with a key that does not exist', () => {
      const { output } = verify(rootFile(FILE).replace('WatchdogSec=', 'WatchdogEvery='));
      expect(output).toContain("'WatchdogEvery'");
    });

    it('is exposed no more than 2 of 10', () => {
      const args = ['security', '--offline=yes', '--no-pager', join(ROOT, FILE)];
      const { stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      expect(Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(2);
    });
  });
});

/** Node's place differs from machine to machine, and is not what is verified. */
function verify(text: string): { readonly code: number | null; readonly output: string } {
  const path = join(mkdtempSync(join(tmpdir(), 'candlescan-test-')), 'candlescan.service');
  writeFileSync(path, text.replace('/usr/bin/node', process.execPath));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

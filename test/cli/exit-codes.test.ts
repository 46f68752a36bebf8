import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { candlescan, temporaryDir } from '../support/cli.js';

describe('exit codes', () => {
  it('0 and the version for --version, 0 and the commands for --help', async () => {
    const [version, help] = await Promise.all([candlescan(['--version']), candlescan(['--help'])]);
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(help.code).toBe(0);
    for (const command of ['scan', 'sim', 'indicators', 'analyzers', 'config']) expect(help.stdout).toContain(command);
  });

  it.each([
    [['fly'], /fly/],
    [['scan', '--frobnicate'], /--frobnicate/],
    [['scan', '--top', 'many'], /--top.*many.*whole number/s],
    [['scan', '--symbols', '0', '--exchange', 'sim'], /--symbols.*found 0/],
    [['indicators', 'rsi'], /--csv/],
  ])('2 for wrong usage: %j', async (args, message) => {
    const run = await candlescan(args);
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(message);
    expect(run.stdout).toBe('');
  });

  it('69 when the exchange cannot be reached', async () => {
    const run = await candlescan([
      'scan',
      '--json',
      '--set',
      'exchange.restUrl=http://127.0.0.1:9',
      '--set',
      'exchange.requestTimeout=1s',
    ]);
    expect(run.code).toBe(69);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain('127.0.0.1:9');
  });

  it('P6: 78 and one line with file, key, found and allowed for a wrong configuration', async () => {
    const cwd = temporaryDir();
    writeFileSync(join(cwd, 'bad.yaml'), 'exchange:\n  weightShare: 1.5\n');
    const run = await candlescan(['scan', '--config', 'bad.yaml'], {}, cwd);
    expect(run.code).toBe(78);
    expect(run.stderr.trim().split('\n')).toHaveLength(1);
    expect(run.stderr).toMatch(/bad\.yaml:2.*exchange\.weightShare.*1\.5.*allowed/);
  });

  it.each([
    ['a key that does not exist', ['--set', 'exchange.restUri=http://x'], {}, /restUri/],
    [
      'an environment variable that does not exist',
      [],
      { CANDLESCAN_EXCHANGE__RESTURI: 'x' },
      /CANDLESCAN_EXCHANGE__RESTURI/,
    ],
    ['a file that is not there', ['--config', 'none.yaml'], {}, /none\.yaml/],
    ['T4: a period of zero', ['--set', 'cycle.settle=0s'], {}, /cycle\.settle.*0s/],
    ['T4: a period with a space behind it', ['--set', 'cycle.settle=5s '], {}, /cycle\.settle/],
    [
      'T4: a timer that Node cannot hold',
      ['--set', 'universe.refreshEvery=2147483648ms'],
      {},
      /universe\.refreshEvery/,
    ],
  ])('P6: 78 for %s', async (_, args, env, message) => {
    const run = await candlescan(['config', 'print', ...args], env);
    expect(run.code).toBe(78);
    expect(run.stderr).toMatch(message);
    expect(run.stdout).toBe('');
  });
});

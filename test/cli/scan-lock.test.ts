import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { lockDataDir } from '../../src/cli/lock-data-dir.js';
import { loadConfig } from '../../src/config/load.js';
import { systemClock } from '../../src/lib/clock.js';
import { candlescan, temporaryDir } from '../support/cli.js';
import { treeHash } from '../support/lock.js';

it('P10: a scan does not touch a data directory that another process has: 75, and who has it', async () => {
  const dataDir = join(temporaryDir(), 'data');
  const lock = await lockDataDir(loadConfig({ dataDir }), 'run', systemClock);
  onTestFinished(() => lock.release());
  writeFileSync(join(dataDir, 'something'), 'of the other');
  const before = treeHash(dataDir);
  const run = await candlescan([
    'scan',
    '--json',
    '--data-dir',
    dataDir,
    '--set',
    'exchange.restUrl=http://127.0.0.1:9',
  ]);
  expect(run).toMatchObject({ code: 75, stdout: '' });
  expect(run.stderr).toContain(`process ${process.pid} (run`);
  expect(treeHash(dataDir)).toBe(before);
});

it.each([
  ['clear', ['clear']],
  ['verify --remove', ['verify', '--remove']],
])('P10: cache %s removes nothing from under another process: 75', async (_, args) => {
  const dataDir = join(temporaryDir(), 'data');
  const lock = await lockDataDir(loadConfig({ dataDir }), 'run', systemClock);
  onTestFinished(() => lock.release());
  mkdirSync(join(dataDir, 'cache', 'content-v2'), { recursive: true });
  writeFileSync(join(dataDir, 'cache', 'content-v2', 'segment'), 'of the other');
  const before = treeHash(dataDir);
  const run = await candlescan(['cache', ...args, '--data-dir', dataDir]);
  expect(run).toMatchObject({ code: 75, stdout: '' });
  expect(treeHash(dataDir)).toBe(before);
  expect((await candlescan(['cache', 'stat', '--data-dir', dataDir])).code).toBe(0);
});

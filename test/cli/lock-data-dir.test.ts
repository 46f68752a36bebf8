import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockDataDir } from '../../src/cli/lock-data-dir.js';
import { loadConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/domain/errors.js';
import { systemClock } from '../../src/lib/clock.js';
import { LockHeldError, readHolder } from '../../src/lib/directory-lock.js';
import { temporaryDir } from '../support/cli.js';

describe('the lock of the data directory', () => {
  it('P10: tells others the process, its command and version, and refuses them', async () => {
    const loaded = loadConfig({ dataDir: join(temporaryDir(), 'data') });
    const lock = await lockDataDir(loaded, 'run', systemClock);
    expect(await readHolder(loaded.config.dataDir)).toMatchObject({
      held: true,
      holder: { pid: process.pid, command: 'run', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    });
    await expect(lockDataDir(loaded, 'scan', systemClock)).rejects.toThrow(LockHeldError);
    await lock.release();
  });

  it('P6: names where the key was set, the key, what was found and what to do when it cannot be used', async () => {
    const file = join(temporaryDir(), 'file');
    writeFileSync(file, '');
    await expect(lockDataDir(loadConfig({ dataDir: file }), 'run', systemClock)).rejects.toThrow(
      new ConfigError(
        `--data-dir: dataDir: found ${file}: a part of the path is a file, not a directory (EEXIST), allowed a directory ` +
          'that this user can write, or create; choose another path, or move that file away',
      ),
    );
  });
});

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sleep, systemClock } from '../../src/lib/clock.js';
import type { PauseNotice } from '../../src/lib/pause-watch.js';

const BEAT_MS = 100;
const TOLERANCE_MS = 500;
const DIST = new URL('../../build/', import.meta.url);
const CHILD = fileURLToPath(new URL('../support/pause-watch-child.mjs', import.meta.url));
const built = existsSync(new URL('lib/pause-watch.js', DIST));

/** A process that watches itself; `notice` resolves with the next thing of this length or more that it noticed. */
async function startChild() {
  const child = spawn(process.execPath, [CHILD, DIST.href, `${BEAT_MS}`, `${TOLERANCE_MS}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const notice = async (leastMs: number): Promise<PauseNotice> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the child ended');
      const found = JSON.parse(value) as PauseNotice;
      // A starved machine may cause shorter ones of its own.
      if (found.ms >= leastMs) return found;
    }
  };
  await notice(0);
  return { child, notice };
}

describe.skipIf(!built)('a process that watches itself (skipped unless the program is built)', () => {
  it('P5, P11: takes a SIGSTOP for a pause and its own work for a lag', async () => {
    const { child, notice } = await startChild();
    try {
      child.kill('SIGSTOP');
      await sleep(systemClock, 1_500);
      child.kill('SIGCONT');
      expect(await notice(1_000)).toMatchObject({ kind: 'pause' });
      child.stdin.write('work 1200\n');
      expect(await notice(1_000)).toMatchObject({ kind: 'lag' });
    } finally {
      child.kill('SIGKILL');
    }
  });
});

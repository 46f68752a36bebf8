import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SOURCES = new URL('../../build/', import.meta.url);
const PROCESS = fileURLToPath(new URL('../support/log-process.mjs', import.meta.url));
const compiled = existsSync(new URL('cli/logger.js', SOURCES)) && existsSync(new URL('lib/log-writer.js', SOURCES));

function start(what: string, stderr: 'pipe' | number) {
  const child = spawn(process.execPath, [PROCESS, SOURCES.href, what], { stdio: ['pipe', 'pipe', stderr] });
  const written = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text;
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { child, written, exited };
}

function readAll({ child, written }: ReturnType<typeof start>): void {
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    written.stderr += text;
  });
}

describe.skipIf(!compiled)('the logger in a process of its own (skipped unless the sources are compiled)', () => {
  it('P9: has written what ends the process, with its causes and what was folded before it, when it exits with 1', async () => {
    const run = start('throw', 'pipe');
    readAll(run);
    expect(await run.exited).toBe(1);
    const lines = run.written.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toEqual([
      expect.objectContaining({ level: 50, msg: 'before' }),
      expect.objectContaining({ level: 50, msg: 'before', repeated: 1 }),
      expect.objectContaining({
        level: 60,
        msg: 'uncaught error',
        err: expect.objectContaining({
          type: 'Error',
          message: 'outer',
          cause: expect.objectContaining({ message: 'inner', code: 'EINNER' }),
        }),
      }),
    ]);
  });

  it('P9: is not held up by a pipe that nobody reads, and drops what does not fit into memory', async () => {
    const run = start('flood', 'pipe');
    // The pipe stays open and unread.
    await once(run.child.stdout as NodeJS.ReadableStream, 'data');
    const { dropped } = JSON.parse(run.written.stdout) as { dropped: number };
    expect(dropped).toBeGreaterThan(1_000);
    run.child.kill('SIGTERM');
    const [code] = (await once(run.child, 'exit')) as [number | null];
    expect(code).toBe(0);
    run.child.stderr?.destroy();
  });

  it('P9: goes on when the reader of its pipe went away', async () => {
    const run = start('late', 'pipe');
    await once(run.child.stderr as NodeJS.ReadableStream, 'data');
    run.child.stderr?.destroy();
    run.child.stdin?.write('go\n');
    expect(await run.exited).toBe(0);
    const { failed } = JSON.parse(run.written.stdout) as { failed: number };
    expect(failed).toBeGreaterThan(0);
  });

  it.skipIf(!existsSync('/dev/full'))(
    'P9: goes on when its file cannot be written (skipped without /dev/full)',
    async () => {
      const full = openSync('/dev/full', 'w');
      const run = start('late', full);
      closeSync(full);
      run.child.stdin?.write('go\n');
      expect(await run.exited).toBe(0);
      const { failed } = JSON.parse(run.written.stdout) as { failed: number };
      expect(failed).toBeGreaterThan(0);
    },
  );
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SOURCES = new URL('../../build/', import.meta.url);
const LEAK = fileURLToPath(new URL('../support/memory-leak.mjs', import.meta.url));

describe('a process that leaks', () => {
  it('P8: passes the levels in order, each with its relievers, asks for its restart and ends by itself', async ({
    annotate,
  }) => {
    const child = spawn(process.execPath, ['--max-old-space-size=96', LEAK, SOURCES.href], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    await annotate(stdout);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => ({ ...line, share: undefined }))).toEqual([
      { level: 1, from: 0 },
      { entered: 'caches' },
      { failed: 'broken', message: 'broken' },
      { level: 2, from: 1 },
      { entered: 'queries' },
      { entered: 'garbage', cached: 0 },
      { level: 3, from: 2 },
      { entered: 'restart' },
      { stopped: { 1: 1, 2: 1, 3: 1 } },
    ]);
    const shares = lines.flatMap(({ share }) => (typeof share === 'number' ? [share] : []));
    for (const [index, threshold] of [0.8, 1, 1.2].entries()) expect(shares[index]).toBeGreaterThanOrEqual(threshold);
    expect(code).toBe(0);
  });
});

import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findModules } from '../../src/analyzers/modules.js';
import { createAnalyzerPool } from '../../src/analyzers/pool.js';
import { systemClock } from '../../src/lib/clock.js';
import { workerUrl } from '../support/analyzer-worker.js';
import { randomMarket, windowOf } from '../support/analyzers.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'candlescan-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = async (name: string, text: string) => {
  const file = path.join(folder, name);
  await writeFile(file, text, { mode: 0o644 });
  return file;
};

const source = (name: string) =>
  `export default { kind: 'series', name: '${name}', version: '1.0.0', description: 'd', parameters: {}, warmup: () => 1, analyze: () => null };`;

describe('analyzer modules', () => {
  it('are the .js and .mjs files of a folder, by name, and files as they are given', async () => {
    await mkdir(path.join(folder, 'plugins'));
    for (const name of ['b.mjs', 'a.js', 'notes.md']) await write(`plugins/${name}`, '');
    const single = await write('single.mjs', '');
    const { modules, refused } = await findModules([path.join(folder, 'plugins'), single, single]);
    expect(modules.map(({ file }) => path.relative(folder, file))).toEqual([
      'plugins/a.js',
      'plugins/b.mjs',
      'single.mjs',
    ]);
    expect(refused).toEqual([]);
  });

  it('A5 are refused by what the file is, without being run', async () => {
    await mkdir(path.join(folder, 'plugins'));
    const outside = await write('outside.mjs', '');
    await symlink(outside, path.join(folder, 'plugins', 'link.mjs'));
    await chmod(await write('plugins/open.mjs', ''), 0o666);
    await write('plugins/large.mjs', 'x'.repeat(1024 * 1024 + 1));
    const text = await write('text.txt', '');
    const missing = path.join(folder, 'missing.mjs');
    const { modules, refused } = await findModules([path.join(folder, 'plugins'), text, missing]);
    expect(modules).toEqual([]);
    expect(Object.fromEntries(refused.map(({ file, reason }) => [path.basename(file), reason]))).toEqual({
      'large.mjs': 'has 1048577 bytes, not at most 1048576',
      'link.mjs': expect.stringMatching(/^links out of its folder, to .*outside\.mjs$/),
      'open.mjs': 'can be written by everybody (chmod o-w)',
      'text.txt': "extension is '.txt', not .js or .mjs",
      'missing.mjs': expect.stringContaining('ENOENT'),
    });
  });

  it('A5 are refused with file and reason while the rest load', async () => {
    const clash = source('trend');
    const texts: Record<string, string> = {
      'a-good.mjs': source('good'),
      'b-syntax.mjs': 'export default {',
      'c-throws.mjs': 'throw new Error("at import");',
      'd-nothing.mjs': 'export const analyzer = 1;',
      'e-number.mjs': 'export default 7;',
      'f-clash.mjs': clash,
      'g-pollutes.mjs': `Object.prototype.polluted = true; ${source('pollutes')}`,
      'h-exits.mjs': 'process.exit(5);',
      'i-hangs.mjs': 'setInterval(() => {}, 1_000); await new Promise(() => {});',
      'i-starves.mjs': 'await new Promise(() => {});',
      'j-loops.mjs': 'for (;;);',
      'k-good.mjs': source('also-good'),
    };
    for (const [name, text] of Object.entries(texts)) await write(name, text);
    const pool = await createAnalyzerPool({
      workers: 1,
      budgetMs: 2_000,
      clock: systemClock,
      paths: [folder],
      workerUrl,
    });
    const added = pool.analyzers.filter(({ origin }) => origin !== 'built-in').map(({ name }) => name);
    const refused = Object.fromEntries(pool.refused.map(({ file, reason }) => [path.basename(file), reason]));
    await pool.close();
    expect(added).toEqual(['good', 'also-good']);
    expect(refused).toEqual({
      'b-syntax.mjs': expect.stringMatching(/^SyntaxError: /),
      'c-throws.mjs': 'Error: at import',
      'd-nothing.mjs': 'has no default export',
      'e-number.mjs': 'is 7, not an analyzer',
      'f-clash.mjs': "name 'trend' is already taken (built-in)",
      'g-pollutes.mjs': 'adds polluted to a prototype of all objects',
      'h-exits.mjs': 'while it was loaded: the thread ended with code 5',
      'i-hangs.mjs': 'while it was loaded: ran longer than its budget of 2000 ms',
      'i-starves.mjs': 'while it was loaded: the thread ended with code 0',
      'j-loops.mjs': 'while it was loaded: ran longer than its budget of 2000 ms',
    });
  });

  it('A5 are refused by a later thread when they changed on disk, and the built-in ones go on', async () => {
    const file = await write('mine.mjs', source('mine').replace('=> null', '=> process.exit(6)'));
    const pool = await createAnalyzerPool({
      workers: 1,
      budgetMs: 2_000,
      clock: systemClock,
      paths: [file],
      workerUrl,
      enabled: [{ name: 'mine' }, { name: 'volume' }],
    });
    await write('mine.mjs', source('mine'));
    const { runs } = await pool.analyze({ slot: 0, series: [windowOf(randomMarket(1, 60))] });
    const { refused } = pool;
    await pool.close();
    expect(refused).toEqual([{ file, reason: 'changed on disk since the start' }]);
    expect(runs.map(({ analyzer }) => analyzer)).toEqual(['volume']);
  });
});

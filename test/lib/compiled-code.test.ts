import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const COMPILED_CODE = new URL('../../build/lib/compiled-code.js', import.meta.url).href;
/** From Node 22.1 on Node keeps code by itself. */
const nodeKeeps = 'enableCompileCache' in module;

describe.skipIf(nodeKeeps)('compiled code', () => {
  let dir = '';

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'candlescan-compiled-'));
    writeFileSync(join(dir, 'package.json'), '{ "type": "commonjs" }');
    writeFileSync(
      join(dir, 'main.mjs'),
      `import { createRequire } from 'node:module';
      import { keepCompiledCode, saveCompiledCode } from '${COMPILED_CODE}';
      keepCompiledCode(import.meta.dirname);
      process.stdout.write(createRequire(import.meta.url)('./part.js').answer());
      saveCompiledCode();`,
    );
    writePart('first');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const writePart = (answer: string) =>
    writeFileSync(
      join(dir, 'part.js'),
      `const { join } = require('node:path'); exports.answer = () => join('${answer}', String(this === exports));`,
    );
  const run = () => execFileSync(process.execPath, [join(dir, 'main.mjs')]).toString();
  const keptFiles = () =>
    readdirSync(join(dir, 'compiled'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const kept = (): string => {
    const [file, ...others] = keptFiles();
    if (file === undefined || others.length > 0) throw new Error(`${others.length + 1} files kept`);
    return file;
  };

  it('is kept by the first start and used, not written again, by the next', () => {
    expect(run()).toBe('first/true');
    const before = readFileSync(kept());
    expect(run()).toBe('first/true');
    expect(readFileSync(kept()).equals(before)).toBe(true);
    expect(before.length).toBeGreaterThan(100);
  });

  it('of another source of the same length is not run', () => {
    run();
    writePart('other');
    expect(run()).toBe('other/true');
    expect(run()).toBe('other/true');
  });

  it.each([
    ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length - 9)],
    ['empty', () => Buffer.alloc(0)],
    ['flipped', (bytes: Buffer) => bytes.fill(bytes.readUInt8(200) ^ 255, 200, 201)],
  ])('that is %s is replaced', (_, damage) => {
    run();
    const sound = readFileSync(kept());
    writeFileSync(kept(), damage(Buffer.from(sound)));
    expect(run()).toBe('first/true');
    expect(readFileSync(kept()).length).toBe(sound.length);
  });

  it('is done without where nothing may be written', () => {
    writeFileSync(join(dir, 'compiled'), 'in the way');
    chmodSync(join(dir, 'compiled'), 0o400);
    expect(run()).toBe('first/true');
  });
});

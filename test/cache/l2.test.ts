import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import cacache from 'cacache';
import { describe, expect, it } from 'vitest';
import { encodeSegment } from '../../src/cache/codec/segment.js';
import { cacacheDisk, type Disk } from '../../src/cache/disk.js';
import { NOW, openStore, temporaryDir } from '../support/cache.js';
import { filesOf } from '../support/cache-damage.js';
import { FakeClock } from '../support/fake-clock.js';
import { hex, KEY, OTHER, records, stored } from '../support/segments.js';

const HOUR = 3_600_000;

describe('SegmentStore', () => {
  it('gives back what was written, also after it was opened again', async () => {
    const dir = temporaryDir();
    const store = await openStore(dir);
    expect(await store.write(KEY, records(1))).toBe('written');
    expect(await stored(store)).toBe(hex(records(1)));
    await store.close();
    const again = await openStore(dir);
    expect(again.symbolsOf(KEY)).toEqual(['BTCUSDT']);
    expect(await stored(again)).toBe(hex(records(1)));
    expect(await stored(again, OTHER)).toBe('miss');
  });

  it('keeps one content file and one index line per key however often it is written (D9)', async () => {
    const dir = temporaryDir();
    const clock = new FakeClock(NOW);
    const store = await openStore(dir, { clock });
    for (let round = 0; round < 300; round++) {
      clock.jump(1);
      await store.write(KEY, records(round));
    }
    const [content, ...moreContent] = filesOf(dir, 'content-v');
    const [bucket, ...moreBuckets] = filesOf(dir, 'index-v');
    expect([moreContent, moreBuckets, filesOf(dir, 'tmp')]).toEqual([[], [], []]);
    expect(readFileSync(content as string).length).toBe(store.stats().bytes);
    expect(
      readFileSync(bucket as string, 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(1);
    // Directories too: the random content names would leave two empty ones behind for every write.
    const directories = execFileSync('find', [join(dir, 'content-v2'), '-type', 'd'], { encoding: 'utf8' });
    expect(directories.trim().split('\n')).toHaveLength(4);
    expect(await stored(store)).toBe(hex(records(299)));
  });

  it('never misses a segment that is replaced and swept while it is read (D9)', async () => {
    const store = await openStore(temporaryDir());
    await store.write(KEY, records(0));
    const statuses = new Set<string>();
    for (let round = 1; round <= 60; round++) {
      const write = store.write(KEY, records(round));
      const sweep = round % 10 === 0 ? store.sweep() : undefined;
      for (let read = 0; read < 5; read++) statuses.add((await store.read(KEY)).status);
      await Promise.all([write, sweep]);
    }
    expect([...statuses]).toEqual(['hit']);
    expect(store.stats()).toMatchObject({ corrupt: {}, writeErrors: {} });
  });

  it('reads the newer segment when the one that it was about to read is replaced and its file is gone (D9)', async () => {
    let replace: (() => Promise<unknown>) | null = null;
    const disk: Disk = {
      ...cacacheDisk,
      read: async (...args) => {
        const before = replace;
        replace = null;
        await before?.();
        return cacacheDisk.read(...args);
      },
    };
    const store = await openStore(temporaryDir(), { disk });
    await store.write(KEY, records(1));
    replace = () => store.write(KEY, records(2));
    expect(await stored(store)).toBe(hex(records(2)));
    expect(store.stats()).toMatchObject({ entries: 1, corrupt: {} });
  });

  it('takes no older set for current when the newest index line is torn (D6)', async () => {
    const dir = temporaryDir();
    const store = await openStore(dir);
    await store.write(KEY, records(1));
    await store.write(KEY, records(2));
    const bucket = filesOf(dir, 'index-v')[0] as string;
    writeFileSync(bucket, readFileSync(bucket).subarray(0, -7));
    expect(await stored(await openStore(dir))).toBe('miss');
  });

  it('takes no older set for current when a writer died between its index lines and the newest is torn (D6)', async () => {
    const dir = temporaryDir();
    const store = await openStore(dir);
    await store.write(KEY, records(1));
    const bucket = filesOf(dir, 'index-v')[0] as string;
    const olderLine = readFileSync(bucket, 'utf8');
    await store.write(KEY, records(2));
    const newerLine = readFileSync(bucket, 'utf8');
    writeFileSync(bucket, olderLine + newerLine.slice(0, -7));
    const again = await openStore(dir);
    expect(await stored(again)).not.toBe(hex(records(1)));
    await again.write(KEY, records(3));
    expect(await stored(await openStore(dir))).toBe(hex(records(3)));
  });

  it('reads duplicate index lines as one and garbage as a miss (D6)', async () => {
    const dir = temporaryDir();
    await (await openStore(dir)).write(KEY, records(1));
    const bucket = filesOf(dir, 'index-v')[0] as string;
    appendFileSync(bucket, readFileSync(bucket));
    expect(await stored(await openStore(dir))).toBe(hex(records(1)));
    writeFileSync(bucket, 'garbage\n\t\n{}');
    const again = await openStore(dir);
    expect(await stored(again)).toBe('miss');
    await again.write(KEY, records(2));
    expect(await stored(await openStore(dir))).toBe(hex(records(2)));
  });

  it('keeps the other segments when an index bucket has become a directory (D6)', async () => {
    const dir = temporaryDir();
    const store = await openStore(dir);
    await store.write(KEY, records(1));
    const bucket = filesOf(dir, 'index-v')[0] as string;
    await store.write(OTHER, records(2));
    rmSync(bucket);
    mkdirSync(join(bucket, 'deeper'), { recursive: true });
    const again = await openStore(dir);
    expect([await stored(again), await stored(again, OTHER)]).toEqual(['miss', hex(records(2))]);
    expect(await again.write(KEY, records(3))).toBe('written');
    expect(await stored(await openStore(dir))).toBe(hex(records(3)));
  });

  it('removes sound bytes that belong to another key or another sequence (D8)', async () => {
    const dir = temporaryDir();
    const header = { key: OTHER, sequence: 5, writtenAt: NOW };
    const bytes = await encodeSegment(header, [...records(1).values()]);
    const metadata = { sequence: 5, writtenAt: NOW, symbols: ['BTCUSDT'] };
    await cacache.put(dir, KEY, bytes, { metadata });
    await cacache.put(dir, OTHER, await encodeSegment({ ...header, sequence: 4 }, [...records(1).values()]), {
      metadata,
    });
    await cacache.put(dir, 'npm-package', 'not ours');
    const store = await openStore(dir);
    expect(await store.read(KEY)).toEqual({ status: 'error', reason: 'identity' });
    expect(await store.read(OTHER)).toEqual({ status: 'error', reason: 'sequence' });
    await store.close();
    expect(store.stats()).toMatchObject({ entries: 0, bytes: 0, corrupt: { identity: 1, sequence: 1 } });
    expect(store.takeLost()).toEqual(new Set([KEY, OTHER]));
    expect(Object.keys(await cacache.ls(dir))).toEqual([]);
  });

  it('serves nothing older than the allowed age and removes it', async () => {
    const clock = new FakeClock(NOW);
    const dir = temporaryDir();
    const store = await openStore(dir, { clock, maxAgeMs: HOUR });
    await store.write(KEY, records(1));
    await store.write(OTHER, records(2));
    clock.jump(HOUR);
    expect(await stored(store)).toBe(hex(records(1)));
    clock.jump(1);
    expect(await stored(store)).toBe('stale');
    expect(await stored(store)).toBe('miss');
    await store.sweep();
    expect(store.stats().entries).toBe(0);
    expect(filesOf(dir, 'content-v')).toEqual([]);
  });

  it('stays within its bytes on disk and lets go of what was written longest ago', async () => {
    const dir = temporaryDir();
    const size = (await encodeSegment({ key: KEY, sequence: 1, writtenAt: NOW }, [...records(1).values()])).length;
    const store = await openStore(dir, { maxBytes: size * 3.5 });
    const keys = [0, 1, 2, 3].map((segment) => `series/sim/5m/${segment}`);
    for (const key of keys.slice(0, 3)) await store.write(key, records(1));
    await store.write(keys[0] as string, records(1));
    await store.write(keys[3] as string, records(1));
    expect(await Promise.all(keys.map(async (key) => (await store.read(key)).status))).toEqual([
      'hit',
      'miss',
      'hit',
      'hit',
    ]);
    expect(store.stats()).toMatchObject({ entries: 3, evictions: 1 });
    expect(filesOf(dir, 'content-v')).toHaveLength(3);
  });

  it('lets go of what was written longest ago when it is to be smaller, and waits for that at its end', async () => {
    const dir = temporaryDir();
    const store = await openStore(dir);
    const keys = [0, 1, 2, 3].map((segment) => `series/sim/5m/${segment}`);
    for (const key of keys) await store.write(key, records(1));
    store.resize(store.stats().bytes / 2);
    await store.close();
    expect(await Promise.all(keys.map(async (key) => (await store.read(key)).status))).toEqual([
      'miss',
      'miss',
      'hit',
      'hit',
    ]);
    expect(store.stats()).toMatchObject({ entries: 2, evictions: 2 });
    expect(filesOf(dir, 'content-v')).toHaveLength(2);
    expect(() => store.resize(0)).toThrow(RangeError);
  });

  it('sweeps temporary files older than an hour and content that nothing names (D7)', async () => {
    const dir = temporaryDir();
    await (await openStore(dir)).write(KEY, records(1));
    const [old, young] = [join(dir, 'tmp', 'old'), join(dir, 'tmp', 'young')];
    for (const [path, age] of [
      [old, HOUR + 1_000],
      [young, HOUR - 60_000],
    ] as const) {
      writeFileSync(path, 'half');
      utimesSync(path, (NOW - age) / 1_000, (NOW - age) / 1_000);
    }
    const orphan = join(dir, 'content-v2', 'sha512', 'ab', 'cd', 'ef');
    mkdirSync(join(orphan, '..'), { recursive: true });
    writeFileSync(orphan, 'orphan');
    const store = await openStore(dir);
    expect(await store.sweep()).toEqual({ tmpFiles: 1, orphans: 1, bytes: 10 });
    expect([existsSync(old), existsSync(young), existsSync(orphan)]).toEqual([false, true, false]);
    expect(await stored(store)).toBe(hex(records(1)));
  });

  it('makes its directory again at the next write after it was deleted (D7)', async () => {
    const dir = temporaryDir();
    const store = await openStore(dir);
    await store.write(KEY, records(1));
    rmSync(dir, { recursive: true });
    expect(await store.read(KEY)).toEqual({ status: 'error', reason: 'ENOENT' });
    expect(await store.write(KEY, records(2))).toBe('written');
    expect(await stored(await openStore(dir))).toBe(hex(records(2)));
  });

  it('shares one read among concurrent readers', async () => {
    let reads = 0;
    const disk: Disk = {
      ...cacacheDisk,
      read: (...args) => {
        reads += 1;
        return cacacheDisk.read(...args);
      },
    };
    const store = await openStore(temporaryDir(), { disk });
    await store.write(KEY, records(1));
    await Promise.all([store.read(KEY), store.read(KEY), store.read(KEY)]);
    expect(reads).toBe(1);
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { cacacheDisk, type Disk } from '../../src/cache/disk.js';
import { NOW, openStore, temporaryDir } from '../support/cache.js';
import { FakeClock } from '../support/fake-clock.js';
import { hex, KEY, OTHER, records, stored } from '../support/segments.js';
import { deferred } from '../support/slots.js';

function failure(code: string, message = `${code}: injected, open`): Error {
  return Object.assign(new Error(message), { code });
}

describe('SegmentStore on a failing disk', () => {
  it('counts a failed write by its code, keeps the older segment, and tries again later and later (D2)', async () => {
    const clock = new FakeClock(NOW);
    let full = false;
    const disk: Disk = {
      ...cacacheDisk,
      write: (...args) => (full ? Promise.reject(failure('ENOSPC')) : cacacheDisk.write(...args)),
    };
    const store = await openStore(temporaryDir(), { clock, disk });
    await store.write(KEY, records(1));
    full = true;
    expect(await store.write(KEY, records(2))).toBe('failed');
    expect(await store.write(KEY, records(2))).toBe('suspended');
    expect(await stored(store)).toBe(hex(records(1)));
    await clock.advance(5_000);
    expect(await store.write(KEY, records(2))).toBe('failed');
    await clock.advance(5_000);
    expect(await store.write(KEY, records(2))).toBe('suspended');
    full = false;
    await clock.advance(5_000);
    expect(await store.write(KEY, records(2))).toBe('written');
    expect(await stored(store)).toBe(hex(records(2)));
    expect(store.stats().writeErrors).toEqual({ ENOSPC: 2 });
  });

  it('finds the true code behind the EEXIST that cacache gives a failed rename', async () => {
    const error = failure('EEXIST', "ENOSPC: no space left on device, mkdir '/cache/content-v2'");
    const store = await openStore(temporaryDir(), { disk: { ...cacacheDisk, write: () => Promise.reject(error) } });
    await store.write(KEY, records(1));
    expect(store.stats().writeErrors).toEqual({ ENOSPC: 1 });
  });

  it.each(['EIO', 'EACCES', 'EINTEGRITY'])('removes a segment whose read fails with %s', async (code) => {
    const store = await openStore(temporaryDir(), {
      disk: { ...cacacheDisk, read: () => Promise.reject(failure(code)) },
    });
    await store.write(KEY, records(1));
    expect(await store.read(KEY)).toEqual({ status: 'error', reason: code });
    expect(store.stats()).toMatchObject({ entries: 0, corrupt: { [code]: 1 } });
  });

  it('keeps a segment when the process had no file handle left to read it', async () => {
    let exhausted = true;
    const disk: Disk = {
      ...cacacheDisk,
      read: (...args) => (exhausted ? Promise.reject(failure('EMFILE')) : cacacheDisk.read(...args)),
    };
    const store = await openStore(temporaryDir(), { disk });
    await store.write(KEY, records(1));
    expect(await store.read(KEY)).toEqual({ status: 'error', reason: 'EMFILE' });
    exhausted = false;
    expect(await stored(store)).toBe(hex(records(1)));
  });

  it('keeps a segment of which the disk says nothing in time, writes nothing meanwhile, and goes on when it answers', async () => {
    const clock = new FakeClock(NOW);
    const { promise: answer, resolve: answerAll } = deferred();
    const disk: Disk = { ...cacacheDisk, read: (...args) => answer.then(() => cacacheDisk.read(...args)) };
    const store = await openStore(temporaryDir(), { clock, disk });
    await store.write(KEY, records(1));
    const read = store.read(KEY);
    await clock.advance(3_000);
    expect(await read).toEqual({ status: 'error', reason: 'ETIMEDOUT' });
    expect(await store.write(KEY, records(2))).toBe('suspended');
    await store.close();
    answerAll();
    await vi.waitUntil(() => !store.suspended);
    expect(await stored(store)).toBe(hex(records(1)));
    expect(store.stats()).toMatchObject({ entries: 1, corrupt: {}, writeErrors: {} });
  });

  it('opens empty when nothing can be listed, and when its directory cannot be made', async () => {
    const dir = temporaryDir();
    const unlisted = await openStore(dir, { disk: { ...cacacheDisk, list: () => Promise.reject(failure('EIO')) } });
    expect(unlisted.stats()).toMatchObject({ entries: 0, writeErrors: { EIO: 1 } });
    writeFileSync(join(dir, 'file'), '');
    const impossible = await openStore(join(dir, 'file', 'cache'));
    expect(await impossible.write(KEY, records(1))).toBe('failed');
    expect(impossible.stats().writeErrors).toEqual({ ENOTDIR: 2 });
  });

  it('does not fail when removals do', async () => {
    const dir = temporaryDir();
    await (await openStore(dir)).write(KEY, records(1));
    const refuse = () => Promise.reject(failure('EROFS'));
    const store = await openStore(dir, {
      disk: { ...cacacheDisk, removeContent: refuse, removeEntry: refuse },
      maxBytes: 1,
    });
    await store.write(KEY, records(2));
    expect(store.stats()).toMatchObject({ entries: 0, writeErrors: { EROFS: 3 } });
  });
});

describe.skipIf(!canMountTmpfs())('SegmentStore on a full file system (skipped unless root may mount a tmpfs)', () => {
  it('skips its writes, still serves what it has, and recovers when space returns (D2)', async () => {
    const dir = temporaryDir();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir]);
    onTestFinished(() => void spawnSync('umount', [dir]));
    const clock = new FakeClock(NOW);
    const store = await openStore(dir, { clock });
    await store.write(KEY, records(1));
    const ballast = join(dir, 'ballast');
    for (let size = 256; size > 0; size = Math.floor(size / 2)) {
      spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=1k', `count=${size}`, 'oflag=append', 'conv=notrunc']);
    }
    expect(await store.write(OTHER, records(2))).toBe('failed');
    expect(store.stats().writeErrors).toEqual({ ENOSPC: 1 });
    expect(await stored(store)).toBe(hex(records(1)));
    rmSync(ballast);
    await clock.advance(5_000);
    expect(await store.write(OTHER, records(2))).toBe('written');
    const again = await openStore(dir);
    expect([await stored(again), await stored(again, OTHER)]).toEqual([hex(records(1)), hex(records(2))]);
  });
});

function canMountTmpfs(): boolean {
  if (process.getuid?.() !== 0) return false;
  const dir = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', dir]).status === 0;
  if (mounted) spawnSync('umount', [dir]);
  rmSync(dir, { recursive: true });
  return mounted;
}

import { existsSync, mkdirSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { acquireLock, type DirectoryLock, LockHeldError, readHolder } from '../../src/lib/directory-lock.js';
import { temporaryDir } from '../support/cli.js';
import { FakeClock } from '../support/fake-clock.js';
import { compiled, lockProcesses, treeHash } from '../support/lock.js';

const SELF = { pid: process.pid, startedAt: '2026-01-01T00:00:00.000Z', version: '1.2.3', command: 'run' };
/** The way of macOS and the BSDs, a socket file, works on Linux too. */
const SOCKET_FILE = { platform: 'darwin' } as const;
/** P10 allows a second in all, of which a silent holder may take 400 ms; in processor time, since the machine may be busy. */
const CPU_MS = 600;
const linux = process.platform === 'linux';

const locks: DirectoryLock[] = [];
const start = lockProcesses();

afterEach(async () => {
  for (const lock of locks.splice(0)) await lock.release();
});

async function acquire(dir: string, options = {}): Promise<DirectoryLock> {
  const lock = await acquireLock(dir, SELF, options);
  locks.push(lock);
  return lock;
}

async function refusalOf(promise: Promise<unknown>): Promise<LockHeldError> {
  const error = await promise.then(
    () => expect.fail('the lock was given twice'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LockHeldError);
  return error as LockHeldError;
}

describe.each([
  ['an abstract socket', { platform: process.platform }],
  ['a socket file', SOCKET_FILE],
])('a directory lock held by %s', (_, options) => {
  it('refuses a second holder and names the first', async () => {
    const dir = temporaryDir();
    await acquire(dir, options);
    const refusal = await refusalOf(acquireLock(dir, SELF, options));
    expect(refusal.holder).toEqual(SELF);
    expect(refusal.message).toBe(
      `${dir} is in use by process ${process.pid} (run, version 1.2.3, since 2026-01-01T00:00:00.000Z)`,
    );
  });

  it('is free again after its release, which may be asked for twice', async () => {
    const dir = temporaryDir();
    const lock = await acquire(dir, options);
    await Promise.all([lock.release(), lock.release()]);
    await lock.release();
    expect(await readHolder(dir, options)).toEqual({ held: false });
    await acquire(dir, options);
    expect(await readHolder(dir, options)).toEqual({ held: true, holder: SELF });
  });

  it('creates a missing directory for its user alone', async () => {
    const dir = join(temporaryDir(), 'deep', 'data');
    await acquire(dir, options);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  it('belongs to the directory, whatever path leads there', async () => {
    const dir = temporaryDir();
    const link = `${dir}-link`;
    symlinkSync(dir, link);
    await acquire(dir, options);
    expect((await refusalOf(acquireLock(link, SELF, options))).holder).toEqual(SELF);
  });

  it('leaves other directories alone', async () => {
    await acquire(temporaryDir(), options);
    await acquire(temporaryDir(), options);
    expect(locks).toHaveLength(2);
  });

  it('answers everyone with one line, hears nobody and outlives a flood of questions', async () => {
    const dir = temporaryDir();
    await acquire(dir, options);
    const answers = await Promise.all(Array.from({ length: 64 }, () => readHolder(dir, options)));
    expect(answers.every(({ held }) => held)).toBe(true);
    expect(await readHolder(dir, options)).toEqual({ held: true, holder: SELF });
  });
});

describe('a directory lock', () => {
  it('is held by nobody where there is no directory, and asking creates none', async () => {
    const dir = join(temporaryDir(), 'none');
    expect(await readHolder(dir)).toEqual({ held: false });
    expect(existsSync(dir)).toBe(false);
  });

  it('says what is wrong with an impossible directory, and what to do', async () => {
    const file = join(temporaryDir(), 'file');
    writeFileSync(file, '');
    await expect(acquireLock(file, SELF)).rejects.toThrow(
      `${file}: a part of the path is a file, not a directory (EEXIST); choose another path, or move that file away`,
    );
    await expect(acquireLock(join(file, 'data'), SELF)).rejects.toThrow('not a directory (ENOTDIR)');
    expect(await readHolder(file)).toEqual({ held: false });
  });

  it.skipIf(process.getuid?.() === 0)('refuses a directory it may not write (skipped for root)', async () => {
    const dir = join(temporaryDir(), 'locked');
    mkdirSync(dir, { mode: 0o500 });
    await expect(acquireLock(dir, SELF)).rejects.toThrow('this user may not write there (EACCES)');
  });

  it('refuses a path that is too long for a socket file, rather than have it cut', async () => {
    const dir = join(temporaryDir(), 'd'.repeat(100));
    await expect(acquireLock(dir, SELF, SOCKET_FILE)).rejects.toThrow('the path is too long (ENAMETOOLONG)');
  });

  it.skipIf(!linux)('leaves nothing on disk (Linux)', async () => {
    const dir = temporaryDir();
    const before = treeHash(dir);
    await acquire(dir);
    await refusalOf(acquireLock(dir, SELF));
    expect(treeHash(dir)).toBe(before);
  });
});

describe('a holder that is not what it should be', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** Something else listens where the lock should be, and answers with `text`. */
  async function squat(text: string): Promise<string> {
    const dir = temporaryDir();
    const server = createServer((socket) => {
      socket.on('error', () => undefined).end(text);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(join(dir, 'lock.sock'), resolve));
    return dir;
  }

  it.each([
    ['nothing', ''],
    ['no JSON', 'hello\n'],
    ['JSON of another shape', '{"pid":"1"}\n'],
    ['sequences that a terminal obeys', `${JSON.stringify({ ...SELF, command: '\u001b[2Jrun' })}\n`],
    ['more than a line', 'x'.repeat(100_000)],
  ])('holds the lock and is not quoted: it says %s', async (_, text) => {
    const dir = await squat(text);
    expect(await readHolder(dir, SOCKET_FILE)).toEqual({ held: true, holder: null });
    const refusal = await refusalOf(acquireLock(dir, SELF, SOCKET_FILE));
    expect(refusal.message).toBe(`${dir} is in use by a process that does not answer at ${join(dir, 'lock.sock')}`);
  });

  it('is waited for 400 ms and no longer', async () => {
    const clock = new FakeClock();
    const dir = temporaryDir();
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(join(dir, 'lock.sock'), resolve));
    const refusal = refusalOf(acquireLock(dir, SELF, { ...SOCKET_FILE, clock }));
    await expect.poll(() => [sockets.length, clock.pendingTimers]).toEqual([1, 1]);
    await clock.advance(400);
    expect((await refusal).holder).toBeNull();
    expect(clock.pendingTimers).toBe(0);
    for (const socket of sockets) socket.destroy();
  });

  it('is not shut out by a client that talks and never listens', async () => {
    const dir = temporaryDir();
    await acquire(dir, SOCKET_FILE);
    const client = connect(join(dir, 'lock.sock'));
    client.on('error', () => undefined).pause();
    client.write('x'.repeat(10_000));
    expect(await readHolder(dir, SOCKET_FILE)).toEqual({ held: true, holder: SELF });
    client.destroy();
  });

  it('keeps the lock when a guard shows that its removal was cut short', async () => {
    const dir = temporaryDir();
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(join(dir, 'alive.sock'), resolve));
    renameSync(join(dir, 'alive.sock'), join(dir, 'lock.sock'));
    await new Promise((resolve) => dead.close(resolve));
    const { ino, mtimeNs } = statSync(join(dir, 'lock.sock'), { bigint: true });
    writeFileSync(join(dir, `lock.sock.${ino}-${mtimeNs}`), '');
    expect((await refusalOf(acquireLock(dir, SELF, SOCKET_FILE))).holder).toBeNull();
    expect(existsSync(join(dir, 'lock.sock'))).toBe(true);
  });
});

describe.skipIf(!compiled)('P10: processes with one data directory (skipped unless the sources are compiled)', () => {
  it('the second exits with 75, names the first and writes nothing', async () => {
    const dir = temporaryDir();
    writeFileSync(join(dir, 'kept'), 'as it was');
    const first = start(dir);
    expect(await first.outcome).toBe('locked');
    const before = treeHash(dir);
    const second = start(dir);
    expect(await second.outcome).toBe(75);
    expect(second.refusal()).toMatchObject({ holder: { pid: first.child.pid, command: 'run' } });
    expect(second.refusal().cpuMs).toBeLessThan(CPU_MS);
    expect(treeHash(dir)).toBe(before);
  });

  it('the same while the first is stopped, which cannot answer', async () => {
    const dir = temporaryDir();
    const first = start(dir);
    expect(await first.outcome).toBe('locked');
    const before = treeHash(dir);
    first.child.kill('SIGSTOP');
    const second = start(dir);
    expect(await second.outcome).toBe(75);
    expect(second.refusal()).toMatchObject({ holder: null, message: expect.stringContaining('does not answer') });
    expect(second.refusal().cpuMs).toBeLessThan(CPU_MS);
    expect(treeHash(dir)).toBe(before);
  });

  it.skipIf(!linux)('the lock is free at the moment the kernel reports the death of a killed holder', async () => {
    const dir = temporaryDir();
    for (let kill = 0; kill < 3; kill++) {
      const holder = start(dir);
      expect(await holder.outcome).toBe('locked');
      holder.child.kill('SIGKILL');
      await holder.exited;
      const lock = await acquire(dir);
      await lock.release();
    }
  });

  it('of 20 that start at once exactly one gets the lock', async () => {
    const dir = join(temporaryDir(), 'data');
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => start(dir).outcome));
    expect(outcomes.filter((outcome) => outcome === 'locked')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 75)).toHaveLength(19);
  });

  it('of 8 that find the socket file of a dead process exactly one takes it over', async () => {
    const dir = temporaryDir();
    const dead = start(dir, 'darwin');
    expect(await dead.outcome).toBe('locked');
    dead.child.kill('SIGKILL');
    await dead.exited;
    expect(readdirSync(dir)).toEqual(['lock.sock']);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => start(dir, 'darwin').outcome));
    expect(outcomes.filter((outcome) => outcome === 'locked')).toHaveLength(1);
    expect(readdirSync(dir)).toEqual(['lock.sock']);
  });

  it('the lock keeps no process alive', async () => {
    const dir = temporaryDir();
    const { child, exited } = start(dir, process.platform, 'once');
    await exited;
    expect(child.exitCode).toBe(0);
    expect(await readHolder(dir)).toEqual({ held: false });
  });
});

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SignalStoreOptions } from '../../src/signals/store.js';
import { settled } from '../support/fake-clock.js';
import {
  type DiskCall,
  finding,
  IllDisk,
  linesIn,
  manyFindings,
  openStore,
  SLOT,
  SLOT_MS,
  signalsDir,
  update,
} from '../support/signals.js';

async function onIllDisk(options: Partial<SignalStoreOptions> = {}) {
  const disk = new IllDisk();
  const dir = signalsDir();
  const opened = await openStore(dir, { open: disk.open, ...options });
  const publish = (symbol: string) => opened.store.publish(update([finding({ symbol })]));
  const symbols = () => linesIn(dir).map((line) => line?.symbol ?? null);
  return { ...opened, disk, dir, publish, symbols };
}

/** Lets a write on the real disk come to its end; each of its steps is a few turns of the loop. */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !holds(); turn++) await settled();
  expect(holds()).toBe(true);
}

describe('a disk that fails (D1)', () => {
  it.each<[DiskCall, string, boolean]>([
    ['open', 'ENOSPC', true],
    ['open', 'EMFILE', false],
    ['appendFile', 'ENOSPC', true],
    ['appendFile', 'EDQUOT', true],
    ['appendFile', 'EIO', false],
    ['datasync', 'EIO', false],
  ])(
    'at %s with %s leaves signals published and waiting, and takes each once when it is well',
    async (call, code, diskFull) => {
      const { store, disk, publish, symbols, notices, clock } = await onIllDisk();
      await publish('A');
      disk.failing = { [call]: code };
      expect(await publish('B')).toMatchObject({ saved: false, changes: [{ kind: 'published' }] });
      await clock.advance(500);
      expect(await publish('C')).toMatchObject({ saved: false });
      expect(store.query({ limit: 10 }).items).toHaveLength(3);
      expect(store.stats()).toMatchObject({
        unsaved: 2,
        written: 1,
        failing: code,
        diskFull,
        writeErrors: { [code]: 2 },
      });
      expect(store.stats().oldestUnsavedAgeMs).toBe(500);
      disk.failing = {};
      expect(await publish('D')).toMatchObject({ saved: true });
      expect(symbols()).toEqual(['A', 'B', 'C', 'D']);
      expect(store.stats()).toMatchObject({
        unsaved: 0,
        written: 4,
        failing: null,
        diskFull: false,
        oldestUnsavedAgeMs: 0,
      });
      expect(notices.map(({ kind }) => kind)).toEqual(['unwritable', 'recovered']);
      expect(clock.pendingTimers).toBe(0);
    },
  );

  it('from the first write on is taken as well', async () => {
    const { disk, publish, symbols } = await onIllDisk();
    disk.failing = { datasync: 'ENOSPC' };
    expect((await publish('A')).saved).toBe(false);
    disk.failing = {};
    expect((await publish('B')).saved).toBe(true);
    expect(symbols()).toEqual(['A', 'B']);
  });

  it('and cannot even take back half a line holds back what follows until it can', async () => {
    const { store, disk, publish, symbols } = await onIllDisk();
    await publish('A');
    disk.failing = { appendFile: 'EIO', truncate: 'EIO' };
    expect((await publish('B')).saved).toBe(false);
    expect(symbols()).toEqual(['A', null]);
    disk.failing = { truncate: 'EIO' };
    expect((await publish('C')).saved).toBe(false);
    disk.failing = {};
    expect(await store.flush()).toBe(true);
    expect(symbols()).toEqual(['A', 'B', 'C']);
  });

  it('is tried again by a timer, at first after a second and then less and less often', async () => {
    const { store, disk, publish, symbols, clock } = await onIllDisk();
    disk.failing = { open: 'ENOSPC' };
    await publish('A');
    for (const [waitMs, attempts] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
      const before = disk.calls.length;
      await clock.advance(attempts - 1);
      expect(disk.calls).toHaveLength(before);
      await clock.advance(1);
      await until(() => disk.calls.length === before + 1 && clock.pendingTimers === 1);
      expect(store.stats().writeErrors).toEqual({ ENOSPC: waitMs + 2 });
    }
    disk.failing = {};
    await clock.advance(30_000);
    await until(() => store.stats().unsaved === 0);
    expect(symbols()).toEqual(['A']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('makes 10,000 signals wait in order, and more only loudly: refused, counted and told', async () => {
    const { store, disk, symbols, notices } = await onIllDisk({ maxWaiting: 10_000 });
    disk.failing = { open: 'ENOSPC' };
    for (let batch = 0; batch < 6; batch++) {
      const slot = SLOT + batch * SLOT_MS;
      const report = await store.publish(update(manyFindings(2_000, slot), { slot }));
      expect(report).toMatchObject({ saved: false });
      expect(report.changes).toHaveLength(2_000);
    }
    expect(store.stats()).toMatchObject({ unsaved: 10_000, refused: 2_000, diskFull: true });
    expect(notices).toEqual([
      { kind: 'unwritable', detail: 'ENOSPC, 2000 lines wait' },
      { kind: 'refused', detail: '2000 lines given up, 10000 wait already (ENOSPC)' },
    ]);
    disk.failing = {};
    expect(await store.flush()).toBe(true);
    expect(symbols()).toEqual(Array.from({ length: 10_000 }, (_, index) => `S${index % 2_000}USDT`));
  });

  it('that takes it refuses nothing of an update larger than what may wait', async () => {
    const { store } = await onIllDisk({ maxWaiting: 10 });
    expect(await store.publish(update(manyFindings(100)))).toMatchObject({ saved: true });
    expect(store.stats()).toMatchObject({ written: 100, refused: 0 });
  });

  it('is tried once more when the store is closed, and then left alone', async () => {
    const { store, disk, publish, symbols, clock } = await onIllDisk();
    disk.failing = { open: 'EIO' };
    await publish('A');
    await store.close();
    expect([store.stats().unsaved, clock.pendingTimers]).toEqual([1, 0]);

    const other = await onIllDisk();
    other.disk.failing = { open: 'EIO' };
    await other.publish('A');
    other.disk.failing = {};
    await other.store.close();
    expect([other.symbols(), other.clock.pendingTimers]).toEqual([['A'], 0]);
    expect(() => symbols()).toThrow('ENOENT');
  });

  it('may be a file in the place of the directory, which is told at the start', async () => {
    const dir = signalsDir();
    mkdirSync(dirname(dir));
    writeFileSync(dir, 'in the way');
    const { store, notices } = await openStore(dir);
    expect(store.stats().readErrors).toEqual({ ENOTDIR: 1 });
    expect(await store.publish(update([finding()]))).toMatchObject({ saved: false });
    expect(store.stats()).toMatchObject({ failing: 'ENOTDIR', diskFull: false, unsaved: 1 });
    rmSync(dir);
    expect(await store.flush()).toBe(true);
    expect(linesIn(dir)).toHaveLength(1);
    expect(notices.map(({ kind }) => kind)).toEqual(['unreadable', 'unwritable', 'recovered']);
  });
});

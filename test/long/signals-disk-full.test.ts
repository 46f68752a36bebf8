import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { allRecords, linesIn, manyFindings, openStore, SLOT, SLOT_MS, signalsDir, update } from '../support/signals.js';

describe.skipIf(!canMountTmpfs())('signals on a full disk (skipped unless root may mount a tmpfs)', () => {
  it('are published, wait in memory and are on disk once there is room, each once and in order (D1)', async () => {
    const dir = signalsDir();
    const data = dirname(dir);
    mkdirSync(data, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', data]);
    onTestFinished(() => void spawnSync('umount', [data]));
    const { store, notices, clock } = await openStore(dir);
    const publish = (index: number) => {
      const slot = SLOT + index * SLOT_MS;
      return store.publish(update(manyFindings(200, slot), { slot }));
    };
    expect(await publish(0)).toMatchObject({ saved: true });

    const ballast = join(data, 'ballast');
    for (let kib = 16 * 1024; kib >= 1; kib = Math.floor(kib / 2)) {
      spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=1k', `count=${kib}`, 'oflag=append', 'conv=notrunc']);
    }
    for (let index = 1; index <= 50; index++) expect((await publish(index)).saved).toBe(false);
    expect(store.stats()).toMatchObject({ unsaved: 10_000, refused: 0, diskFull: true, failing: 'ENOSPC' });
    expect(allRecords(store)).toHaveLength(1_000);

    rmSync(ballast);
    await clock.advance(30_000);
    expect(await store.flush()).toBe(true);
    expect(store.stats()).toMatchObject({ unsaved: 0, written: 10_200, diskFull: false });
    expect(linesIn(dir).map((line) => line?.candleCloseTime)).toEqual(
      Array.from({ length: 10_200 }, (_, index) => SLOT + Math.floor(index / 200) * SLOT_MS),
    );
    expect(notices.map(({ kind }) => kind)).toEqual(['unwritable', 'recovered']);
    await store.close();
    const again = await openStore(dir);
    expect(again.store.stats()).toMatchObject({ records: 10_000, damaged: 0, torn: 0 });
    await again.store.close();
  });
});

function canMountTmpfs(): boolean {
  if (process.getuid?.() !== 0) return false;
  const dir = mkdtempSync(join(tmpdir(), 'candlescan-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', dir]).status === 0;
  if (mounted) spawnSync('umount', [dir]);
  rmSync(dir, { recursive: true });
  return mounted;
}

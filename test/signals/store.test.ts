import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SignalUpdate } from '../../src/signals/contract.js';
import { encodeLine } from '../../src/signals/line.js';
import { FakeClock } from '../support/fake-clock.js';
import {
  allRecords,
  DAY_MS,
  finding,
  IllDisk,
  linesIn,
  manyFindings,
  namesIn,
  openStore,
  SLOT,
  SLOT_MS,
  signalsDir,
  update,
} from '../support/signals.js';

const LINE_BYTES = 600;

describe('publish', () => {
  it('has confirmed signals on disk when it resolves, and provisional ones never', async () => {
    const dir = signalsDir();
    const { store } = await openStore(dir);
    const [one, two] = manyFindings(2) as [ReturnType<typeof finding>, ReturnType<typeof finding>];
    const provisional = await store.publish(update([one, two], { status: 'provisional' }));
    expect(provisional).toMatchObject({ saved: true, repeated: 0, stale: 0 });
    expect(provisional.changes.map(({ kind }) => kind)).toEqual(['published', 'published']);
    expect(existsSync(dir)).toBe(false);

    const confirmed = await store.publish(update([one], { candles: [one, two] }));
    expect(confirmed.changes.map(({ kind, record }) => [kind, record.id])).toEqual([
      ['confirmed', one.id],
      ['revoked', two.id],
    ]);
    expect(linesIn(dir)).toEqual([store.get(one.id)]);
    expect(
      allRecords(store)
        .map(({ status }) => status)
        .sort(),
    ).toEqual(['confirmed', 'revoked']);
  });

  it('shows nothing to a query before it is on disk', async () => {
    const disk = new IllDisk();
    const { store } = await openStore(signalsDir(), { open: disk.open });
    const publishing = store.publish(update([finding()]));
    await Promise.resolve();
    expect(allRecords(store)).toEqual([]);
    await publishing;
    expect(allRecords(store)).toHaveLength(1);
  });

  it('writes one append and one fdatasync for an update, however many signals it has', async () => {
    const disk = new IllDisk();
    const { store } = await openStore(signalsDir(), { open: disk.open });
    await store.publish(update(manyFindings(1)));
    disk.calls = [];
    await store.publish(update(manyFindings(200, SLOT + SLOT_MS), { slot: SLOT + SLOT_MS }));
    expect(disk.calls).toEqual(['open', 'appendFile', 'datasync']);
  });

  it('answers a revised candle with an amendment of the signal, never with a second one (X13)', async () => {
    const dir = signalsDir();
    const { store } = await openStore(dir);
    await store.publish(update([finding({ direction: 'long', price: 100 })]));
    const revised = finding({ direction: 'short', price: 99, strength: 0.9 });
    const { changes } = await store.publish(update([revised], { slot: SLOT + SLOT_MS }));
    expect(changes.map(({ kind }) => kind)).toEqual(['amended']);
    expect(allRecords(store)).toMatchObject([{ direction: 'short', price: 99, status: 'confirmed', revision: 1 }]);
    const gone = await store.publish(update([], { slot: SLOT + 2 * SLOT_MS, candles: [revised] }));
    expect(gone.changes.map(({ kind }) => kind)).toEqual(['revoked']);
    expect(linesIn(dir).map((line) => [line?.status, line?.direction, line?.revision])).toEqual([
      ['confirmed', 'long', 0],
      ['confirmed', 'short', 1],
      ['revoked', 'short', 1],
    ]);
  });

  it('applies updates one at a time in the order of the calls', async () => {
    const { store } = await openStore(signalsDir());
    const strengths = [0.1, 0.2, 0.3, 0.4, 0.5];
    const reports = await Promise.all(strengths.map((strength) => store.publish(update([finding({ strength })]))));
    expect(reports.map(({ changes }) => changes.map(({ kind }) => kind))).toEqual([
      ['published'],
      ...Array.from({ length: 4 }, () => ['amended']),
    ]);
    expect(allRecords(store)).toMatchObject([{ strength: 0.5, revision: 4 }]);
  });

  it('counts signals by analyzer, direction and the status they reached', async () => {
    const { store } = await openStore(signalsDir());
    const [one, two] = [finding({ symbol: 'A' }), finding({ symbol: 'B', direction: 'short' })];
    const said: SignalUpdate = update([one, two], { status: 'provisional' });
    await store.publish(said);
    await store.publish(said);
    await store.publish(update([one], { candles: said.candles }));
    await store.publish(update([finding({ symbol: 'A', strength: 0.9 })]));
    await store.publish(said);
    expect(store.stats()).toMatchObject({
      signals: [
        { analyzer: 'trend', direction: 'long', status: 'provisional', count: 1 },
        { analyzer: 'trend', direction: 'short', status: 'provisional', count: 1 },
        { analyzer: 'trend', direction: 'long', status: 'confirmed', count: 1 },
        { analyzer: 'trend', direction: 'short', status: 'revoked', count: 1 },
      ],
      records: 2,
      repeated: 2,
      stale: 2,
      amended: 1,
      revoked: 1,
      written: 2,
      unsaved: 0,
      refused: 0,
      failing: null,
      diskFull: false,
    });
  });
});

describe('a restart', () => {
  it('knows every confirmed signal as it was last, and writes and reports no repeat of it', async () => {
    const dir = signalsDir();
    const first = await openStore(dir);
    const said = update([...manyFindings(20), finding({ symbol: 'A' }), finding({ symbol: 'B' })]);
    await first.store.publish(said);
    const [a, b] = [finding({ symbol: 'A', direction: 'short' }), finding({ symbol: 'B' })];
    await first.store.publish(update([a], { slot: SLOT + SLOT_MS, candles: [a, b] }));
    const before = allRecords(first.store);
    await first.store.close();

    const { store, notices } = await openStore(dir);
    expect(allRecords(store)).toEqual(before);
    const again = await store.publish({ ...said, slot: SLOT + SLOT_MS, findings: [...manyFindings(20), a] });
    expect(again).toEqual({ changes: [], repeated: 21, stale: 0, saved: true });
    expect(await store.publish(said)).toMatchObject({ changes: [], repeated: 0, stale: 22 });
    expect(linesIn(dir)).toHaveLength(24);
    expect([store.stats().written, notices]).toEqual([0, []]);
  });

  it('reads no further back than it must', async () => {
    const dir = signalsDir();
    const { store, clock } = await openStore(dir, { maxFileBytes: 100 * LINE_BYTES });
    for (let index = 0; index < 40; index++) {
      const slot = SLOT + index * SLOT_MS;
      await store.publish(update(manyFindings(20, slot), { slot }));
      await clock.advance(SLOT_MS);
    }
    await store.close();
    const [oldest = ''] = namesIn(dir);
    writeFileSync(join(dir, oldest), 'unread\n');
    const again = await openStore(dir, { capacity: 100 });
    expect(allRecords(again.store).map(({ candleCloseTime }) => candleCloseTime)).toEqual(
      Array.from({ length: 100 }, (_, index) => SLOT + (39 - Math.floor(index / 20)) * SLOT_MS),
    );
    expect(again.store.stats()).toMatchObject({ damaged: 0, records: 100 });
  });

  it('reads on for signals whose candle is still the newest of its timeframe', async () => {
    const dir = signalsDir();
    const { store, clock } = await openStore(dir);
    const hourly = finding({ timeframe: '1h' });
    await store.publish(update([hourly]));
    for (let index = 1; index < 12; index++) {
      await clock.advance(SLOT_MS);
      const slot = SLOT + index * SLOT_MS;
      await store.publish(update(manyFindings(5, slot), { slot }));
    }
    await store.close();
    const again = await openStore(dir, { capacity: 5 });
    expect(allRecords(again.store).map(({ timeframe }) => timeframe)).toEqual([...Array(5).fill('5m'), '1h']);
    expect(await again.store.publish(update([hourly], { slot: SLOT + 11 * SLOT_MS }))).toMatchObject({ repeated: 1 });
  });
});

describe('the files', () => {
  it('are readable by the owner only', async () => {
    const dir = signalsDir();
    const { store } = await openStore(dir);
    await store.publish(update([finding()]));
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, 'signals-2026-01-01.jsonl')).mode & 0o777).toBe(0o600);
  });

  it('are one a UTC day, more when a day has more than fits, and are continued after a restart', async () => {
    const dir = signalsDir();
    const clock = new FakeClock(Date.UTC(2026, 0, 1, 23, 54, 59));
    for (let index = 0; index < 4; index++) {
      const { store } = await openStore(dir, { clock, maxFileBytes: 25 * LINE_BYTES });
      for (let again = 0; again < 2; again++) {
        const slot = SLOT + (2 * index + again) * SLOT_MS;
        await store.publish(update(manyFindings(10, slot), { slot }));
      }
      await store.close();
      expect(store.stats().files).toBe(namesIn(dir).length);
      expect(store.stats().bytes).toBe(namesIn(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0));
      await clock.advance(150_000);
    }
    expect(namesIn(dir)).toEqual([
      'signals-2026-01-01.jsonl',
      'signals-2026-01-01.1.jsonl',
      'signals-2026-01-01.2.jsonl',
      'signals-2026-01-02.jsonl',
    ]);
    expect(linesIn(dir).map((line) => line?.candleCloseTime)).toEqual(
      Array.from({ length: 80 }, (_, index) => SLOT + Math.floor(index / 10) * SLOT_MS),
    );
  });

  it('go on in the newest one when the clock is set back over midnight', async () => {
    const dir = signalsDir();
    const { store, clock } = await openStore(dir);
    await store.publish(update([finding({ symbol: 'A' })]));
    clock.jump(-DAY_MS);
    await store.publish(update([finding({ symbol: 'B' })]));
    expect(namesIn(dir)).toEqual(['signals-2026-01-01.jsonl']);
    expect(linesIn(dir).map((line) => line?.symbol)).toEqual(['A', 'B']);
  });

  it('are removed when their day has been over for the retention, at the start and daily; others stay', async () => {
    const dir = signalsDir();
    mkdirSync(dir, { recursive: true });
    const named = (day: number, part = '') => `signals-2025-12-${day}${part}.jsonl`;
    const foreign = ['notes.txt', 'signals-2025-12-01.jsonl.bak', 'signals-9999-99-99.jsonl'];
    for (const name of [named(24), named(25), named(25, '.1'), named(26), ...foreign])
      writeFileSync(join(dir, name), '');
    const { store, clock } = await openStore(dir, { retentionMs: 6 * DAY_MS });
    const left = () => new Set(namesIn(dir));
    expect(left()).toEqual(new Set([named(26), ...foreign]));
    await store.publish(update([finding()]));
    await clock.advance(DAY_MS);
    await store.publish(update([finding({ symbol: 'B' })]));
    expect(left()).toEqual(new Set(['signals-2026-01-01.jsonl', 'signals-2026-01-02.jsonl', ...foreign]));
    expect(store.stats()).toMatchObject({ files: 2, writeErrors: {} });
  });

  it('are made again when someone removes the directory', async () => {
    const dir = signalsDir();
    const { store } = await openStore(dir);
    await store.publish(update([finding({ symbol: 'A' })]));
    const { rm } = await import('node:fs/promises');
    await rm(dirname(dir), { recursive: true });
    expect(await store.publish(update([finding({ symbol: 'B' })]))).toMatchObject({ saved: true });
    expect(linesIn(dir).map((line) => line?.symbol)).toEqual(['B']);
    expect(store.stats().writeErrors).toEqual({});
  });

  it('keep each line readable when someone shortens one meanwhile', async () => {
    const dir = signalsDir();
    const { store } = await openStore(dir);
    await store.publish(update(manyFindings(3)));
    const path = join(dir, 'signals-2026-01-01.jsonl');
    writeFileSync(path, readFileSync(path).subarray(0, 1_000));
    await store.publish(update([finding({ symbol: 'A' })]));
    await store.publish(update([finding({ symbol: 'B' })]));
    expect(
      linesIn(dir)
        .map((line) => line?.symbol ?? null)
        .slice(-3),
    ).toEqual([null, 'A', 'B']);
  });

  it('are not touched by a store that was never asked to write', async () => {
    const dir = signalsDir();
    const { store } = await openStore(dir);
    await store.close();
    expect(existsSync(dir)).toBe(false);
    expect(store.stats()).toMatchObject({ files: 0, bytes: 0, readErrors: {} });
  });

  it('of an unknown line version are skipped and counted', async () => {
    const dir = signalsDir();
    const { store } = await openStore(dir);
    await store.publish(update([finding()]));
    await store.close();
    const [record] = linesIn(dir);
    if (!record) throw new Error('nothing was written');
    writeFileSync(join(dir, 'signals-2026-01-02.jsonl'), encodeLine(record).replace('"v":1', '"v":9'));
    const again = await openStore(dir);
    expect(again.store.stats()).toMatchObject({ records: 1, damaged: 1 });
  });
});

describe('close', () => {
  it('waits for what was published, leaves no timer, and may be called again', async () => {
    const dir = signalsDir();
    const { store, clock } = await openStore(dir);
    const publishing = store.publish(update(manyFindings(50)));
    await Promise.all([store.close(), store.close()]);
    expect((await publishing).saved).toBe(true);
    expect(linesIn(dir)).toHaveLength(50);
    expect(clock.pendingTimers).toBe(0);
    await expect(store.publish(update([finding()]))).rejects.toThrow('after their store was closed');
  });
});

describe('updates that wait for the disk', () => {
  it('become safe together, each with a report of its own', async () => {
    const dir = signalsDir();
    const disk = new IllDisk();
    const { store } = await openStore(dir, { open: disk.open });
    await store.publish(update([finding({ symbol: 'FIRST' })]));
    disk.calls = [];
    const findings = manyFindings(40);
    const reports = await Promise.all(findings.map((one) => store.publish(update([one]))));
    expect(reports.map(({ changes, saved }) => [changes.map(({ record }) => record.id), saved])).toEqual(
      findings.map(({ id }) => [[id], true]),
    );
    expect(disk.calls.filter((call) => call === 'datasync').length).toBeLessThanOrEqual(2);
    expect(linesIn(dir)).toHaveLength(41);
  });

  it('are judged one after the other when they speak of the same candle', async () => {
    const { store } = await openStore(signalsDir());
    const btc = finding();
    const [first, amended, gone] = await Promise.all([
      store.publish(update([btc])),
      store.publish(update([{ ...btc, direction: 'short' }])),
      store.publish(update([], { candles: update([btc]).candles })),
    ]);
    const kinds = [first, amended, gone].map(({ changes }) => changes.map(({ kind }) => kind));
    expect(kinds).toEqual([['published'], ['amended'], ['revoked']]);
  });

  it('reject alone when they contradict themselves', async () => {
    const { store } = await openStore(signalsDir());
    const [good, bad] = await Promise.allSettled([
      store.publish(update([finding({ symbol: 'AUSDT' })])),
      store.publish(update([finding({ symbol: 'BUSDT' })], { candles: [] })),
    ]);
    expect([good.status, bad.status]).toEqual(['fulfilled', 'rejected']);
    expect(store.query({ limit: 10 }).items.map(({ symbol }) => symbol)).toEqual(['AUSDT']);
  });
});

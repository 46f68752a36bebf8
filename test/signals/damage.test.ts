import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.js';
import type { SignalRecord } from '../../src/signals/contract.js';
import { readBack } from '../../src/signals/read-back.js';
import { allRecords, finding, linesIn, manyFindings, openStore, signalsDir, update } from '../support/signals.js';

const NAME = 'signals-2026-01-01.jsonl';

async function writtenFile() {
  const dir = signalsDir();
  const { store } = await openStore(dir);
  await store.publish(update(manyFindings(3)));
  await store.close();
  const path = join(dir, NAME);
  return { dir, path, bytes: readFileSync(path), records: linesIn(dir) as SignalRecord[] };
}

const read = (dir: string) => readBack({ dir, capacity: 100, reachMs: 3_600_000, onNotice: () => {} });

describe('a file cut off at any byte of its last line', () => {
  it('loses that line, which nobody was told of, is counted, and ends with a whole line again', async () => {
    const { dir, path, bytes, records } = await writtenFile();
    const start = bytes.lastIndexOf('\n', bytes.length - 2) + 1;
    for (let length = start; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      const { torn, damaged, isNewestSound, records: known } = await read(dir);
      expect({ torn, damaged, isNewestSound }).toEqual({
        torn: length === start ? 0 : 1,
        damaged: 0,
        isNewestSound: true,
      });
      expect([...known.values()]).toEqual(records.slice(0, 2).toReversed());
      expect(statSync(path).size).toBe(start);
    }
  });

  it('is continued by the next start, which tells of it', async () => {
    const { dir, path, bytes } = await writtenFile();
    writeFileSync(path, bytes.subarray(0, bytes.length - 10));
    const { store, notices } = await openStore(dir);
    expect(notices.map(({ kind }) => kind)).toEqual(['torn']);
    expect(store.stats()).toMatchObject({ torn: 1, damaged: 0, records: 2 });
    const again = await store.publish(update([...manyFindings(3), finding({ symbol: 'NEW' })]));
    expect(again).toMatchObject({ repeated: 2, saved: true });
    expect(linesIn(dir).map((line) => line?.symbol)).toEqual(['S0USDT', 'S1USDT', 'S2USDT', 'NEW']);
  });
});

describe('a file with a bit flipped anywhere', () => {
  it('serves no signal that was not written, counts the damage, and keeps the lines it did not touch', async () => {
    const { dir, path, bytes, records } = await writtenFile();
    const random = seededRandom(11);
    const written = new Map(records.map((record) => [record.id, record]));
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at);
      writeFileSync(path, flipped);
      const { records: known, damaged, torn } = await read(dir);
      for (const [id, record] of known) expect(record).toEqual(written.get(id));
      // A flipped line break joins two lines.
      const lost = bytes[at] === 0x0a && at < bytes.length - 1 ? 2 : 1;
      expect(known.size).toBe(3 - lost);
      expect(damaged + torn).toBeGreaterThan(0);
    }
  });

  it('is told of by the start, and never fatal', async () => {
    const { dir, path, bytes } = await writtenFile();
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
    writeFileSync(path, bytes);
    const { store, notices } = await openStore(dir);
    expect(notices).toEqual([{ kind: 'damaged', detail: `1 lines of ${path} are skipped` }]);
    expect(store.stats()).toMatchObject({ damaged: 1, torn: 0, records: 2 });
  });
});

describe('the files after worse', () => {
  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(600_000)],
    ['line breaks', Buffer.alloc(600_000, '\n')],
    ['another text', Buffer.from('{"v":1}\n[]\n"\n'.repeat(5_000))],
  ])('with %s in the newest: the others are read and publishing goes on', async (_, content) => {
    const { dir, records } = await writtenFile();
    writeFileSync(join(dir, 'signals-2026-01-01.1.jsonl'), content);
    const { store } = await openStore(dir);
    expect(allRecords(store)).toEqual(expect.arrayContaining(records));
    expect(await store.publish(update([finding({ symbol: 'NEW' })]))).toMatchObject({ saved: true });
    await store.close();
    expect(allRecords((await openStore(dir)).store)).toHaveLength(4);
  });

  it('continues no file that it cannot read: it begins another', async () => {
    const { dir, records } = await writtenFile();
    mkdirSync(join(dir, 'signals-2026-01-01.1.jsonl'));
    const { store } = await openStore(dir);
    expect(store.stats().readErrors).toEqual({ EISDIR: 1 });
    expect(allRecords(store)).toHaveLength(records.length);
    expect(await store.publish(update([finding({ symbol: 'NEW' })]))).toMatchObject({ saved: true });
    expect(readFileSync(join(dir, 'signals-2026-01-01.2.jsonl'), 'utf8').split('\n')).toHaveLength(2);
  });

  it('reads lines that span many blocks of a file', async () => {
    const dir = signalsDir();
    const { store } = await openStore(dir);
    const findings = [100, 255 * 1024, 256 * 1024, 700_000, 5].map((length, index) =>
      finding({ symbol: `L${index}`, reasons: ['x'.repeat(length)] }),
    );
    await store.publish(update(findings));
    await store.close();
    const again = await openStore(dir);
    expect(allRecords(again.store)).toEqual(allRecords(store));
    expect(again.store.stats()).toMatchObject({ records: 5, damaged: 0, torn: 0 });
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, utimesSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.js';
import { seededRandom } from '../../src/lib/random.js';
import { decodedColumns, openStore, temporaryDir } from '../support/cache.js';
import { filesOf } from '../support/cache-damage.js';

/** The fault matrix asks for 500. */
const KILLS = Number(process.env['CANDLESCAN_TEST_KILLS'] ?? 6);
const DIST = new URL('../../build/', import.meta.url);
const WRITER = fileURLToPath(new URL('../support/cache-writer.mjs', import.meta.url));
const built = existsSync(new URL('cache/l2.js', DIST));

/** Runs a writer until it acknowledged `writes`, kills it, and returns the newest acknowledged round of each segment. */
async function killedWriter(dir: string, from: number, writes: number): Promise<Map<string, number>> {
  const child = spawn(process.execPath, [WRITER, dir, DIST.href, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged = new Map<string, number>();
  let seen = 0;
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const [segment, round] of lines.map((line) => line.split(':') as [string, string])) {
      acknowledged.set(segment, Number(round));
      seen += 1;
    }
    if (seen >= writes) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return acknowledged;
}

describe.skipIf(!built)('a writer that is killed (skipped unless the program is built)', () => {
  it(`leaves every acknowledged segment or a newer one, whole, and no litter after a sweep (D7, ${KILLS} kills)`, async () => {
    const dir = temporaryDir();
    const random = seededRandom(7);
    const newest = new Map<string, number>();
    let from = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      for (const [segment, round] of await killedWriter(dir, from, 3 + Math.floor(random() * 20)))
        newest.set(segment, round);
      from = Math.max(...newest.values()) + 10;
      for (const path of filesOf(dir, 'tmp')) utimesSync(path, 0, 0);
      const store = await openStore(dir, { clock: systemClock });
      for (const [segment, acknowledged] of newest) {
        const read = await store.read(`series/sim/5m/${segment}`);
        if (read.status !== 'hit') expect.fail(`segment ${segment} after kill ${kill}: ${JSON.stringify(read)}`);
        const [[symbol = '', record] = []] = read.segment.records;
        const round = Number(symbol.split(':')[1]);
        expect(symbol.split(':')[0]).toBe(segment);
        expect(round).toBeGreaterThanOrEqual(acknowledged);
        expect(decodedColumns(record as Uint8Array).volume.every((volume) => volume === round)).toBe(true);
      }
      await store.sweep();
      expect([filesOf(dir, 'tmp').length, filesOf(dir, 'content-v').length]).toEqual([0, newest.size]);
      expect(store.stats()).toMatchObject({ corrupt: {}, writeErrors: {} });
    }
  }, 600_000);
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { SignalStatus } from '../../src/domain/signal.js';
import { seededRandom } from '../../src/lib/random.js';
import type { SignalRecord } from '../../src/signals/contract.js';
import { linesIn, openStore, signalsDir } from '../support/signals.js';

const KILLS = Number(process.env['CANDLESCAN_TEST_KILLS'] ?? 40);
const LONGEST_LIFE_MS = 150;
const DIST = new URL('../../build/', import.meta.url);
const WRITER = fileURLToPath(new URL('../support/signal-writer.mjs', import.meta.url));
const built = existsSync(new URL('signals/store.js', DIST));

type State = readonly [id: string, slot: number, status: SignalStatus, revision: number, strength: number];

interface Acknowledged {
  readonly round: number;
  readonly states: readonly State[];
}

/** What a writer acknowledged until it was killed, `lifeMs` after the first time. */
async function killedWriter(dir: string, from: number, lifeMs: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [WRITER, dir, DIST.href, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    text += data;
  });
  await Promise.race([once(child.stdout, 'data'), closed]);
  await sleep(lifeMs);
  child.kill('SIGKILL');
  expect(await closed).toEqual([null, 'SIGKILL']);
  const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
  return lines.map((line) => JSON.parse(line) as Acknowledged);
}

const stateOf = ({ id, slot, status, revision, strength }: SignalRecord): State => [
  id,
  slot,
  status,
  revision,
  strength,
];

describe.skipIf(!built)('a writer of signals that is killed (skipped unless the program is built)', () => {
  it(`has lost no acknowledged signal, left none half and written none twice (P1, ${KILLS} kills)`, async () => {
    const dir = signalsDir();
    const random = seededRandom(13);
    const newest = new Map<string, State>();
    let from = 1_000;
    let torn = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const acknowledged = await killedWriter(dir, from, random() * LONGEST_LIFE_MS);
      for (const state of acknowledged.flatMap(({ states }) => states)) newest.set(state[0], state);
      // The next writer says again what this one said last.
      from = acknowledged.at(-1)?.round ?? from;

      const { store } = await openStore(dir, { capacity: newest.size + 1_000 });
      for (const state of newest.values()) {
        const record = store.get(state[0]);
        if (record === null) expect.fail(`${String(state)} is lost after kill ${kill}`);
        // What was about to be acknowledged may be there too.
        if (record.slot === state[1]) expect(stateOf(record)).toEqual(state);
        else expect(record.slot).toBeGreaterThan(state[1]);
      }
      expect(store.stats()).toMatchObject({ damaged: 0, readErrors: {} });
      torn += store.stats().torn;
      await store.close();
    }
    const lines = linesIn(dir);
    const written = lines.map((line) => (line === null ? 'half' : JSON.stringify(stateOf(line))));
    expect(written).not.toContain('half');
    expect(new Set(written).size).toBe(written.length);
    expect(newest.size).toBeGreaterThan(KILLS * 40);
    expect(torn).toBeLessThanOrEqual(KILLS);
  });
});

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { slotsBetween } from '../support/slot-loop.js';

const FIVE = 5 * 60_000;
const HOUR = 12 * FIVE;
const DIST = new URL('../../build/', import.meta.url);
const NIGHTS = fileURLToPath(new URL('../support/slot-nights.mjs', import.meta.url));
const built = existsSync(new URL('scheduler/slot-loop.js', DIST));

interface Night {
  readonly offsets: readonly [before: number, after: number];
  readonly slots: readonly number[];
}

/** What a process in that time zone makes of the hour before and the hour after each of these moments. */
async function nightsIn(zone: string, changes: readonly number[]): Promise<readonly Night[]> {
  const stretches = changes.map((change) => [change - HOUR + 1, change + HOUR]);
  const argv = [NIGHTS, DIST.href, JSON.stringify(stretches)];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env: { ...process.env, TZ: zone } });
  return JSON.parse(stdout) as readonly Night[];
}

/** The moments of 2026 at which local clocks are set, from the IANA time zone database, and the offsets in minutes around them. */
const ZONES = [
  { zone: 'America/New_York', changes: ['2026-03-08T07:00Z', '2026-11-01T06:00Z'], offsets: [-300, -240, -300] },
  { zone: 'Australia/Lord_Howe', changes: ['2026-04-04T15:00Z', '2026-10-03T15:30Z'], offsets: [660, 630, 660] },
  { zone: 'Africa/Casablanca', changes: ['2026-02-15T02:00Z', '2026-03-22T02:00Z'], offsets: [60, 0, 60] },
] as const;

describe.skipIf(!built)('slots in other time zones (skipped unless the program is built)', () => {
  it.each(ZONES)(
    'T2: are those of UTC in both nights in which $zone sets its clocks',
    async ({ zone, changes, offsets }) => {
      const moments = changes.map((change) => Date.parse(change));
      const [local, utc] = await Promise.all([nightsIn(zone, moments), nightsIn('UTC', moments)]);
      expect(local.map((night) => night.offsets)).toEqual([offsets.slice(0, 2), offsets.slice(1)]);
      expect(utc.map((night) => night.offsets)).toEqual([
        [0, 0],
        [0, 0],
      ]);
      expect(local.map(({ slots }) => slots)).toEqual(utc.map(({ slots }) => slots));
      expect(local.map(({ slots }) => slots)).toEqual(
        moments.map((moment) => slotsBetween(moment - HOUR, moment + HOUR, FIVE)),
      );
    },
  );
});

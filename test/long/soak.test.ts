import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { workerUrl } from '../support/analyzer-worker.js';
import { bundle } from '../support/bundle.js';
import { Endurance, type Sample } from '../support/endurance.js';
import type { SoakOrder, SoakReport } from '../support/soak-process.js';

/** More on demand; with fewer, what grows once looks like a leak. */
const SLOTS = Number(process.env['CANDLESCAN_TEST_SLOTS'] ?? 10_000);
const SAMPLES = 100;
const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'];
const SLOTS_AN_HOUR = 12;
const MARKET = 530;
const MIB = 2 ** 20;
const ENTRY = fileURLToPath(new URL('../support/soak-process.ts', import.meta.url));
/** As deep as the sources, so that the defaults of the configuration are found. */
const BUNDLE = fileURLToPath(new URL('../../build/soak/', import.meta.url));

let endurance: Endurance | undefined;
afterEach(async () => {
  await endurance?.stop();
});

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'candlescan-soak-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** MiB an hour as the median of the slopes between all pairs of samples (Theil-Sen), which no outlier moves. */
function slopeOf(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  const slopes = samples.flatMap((from, index) =>
    samples.slice(index + 1).map((to) => (pick(to) - pick(from)) / MIB / ((to.slots - from.slots) / SLOTS_AN_HOUR)),
  );
  return slopes.sort((a, b) => a - b)[slopes.length >> 1] as number;
}

function mostOf(samples: readonly Sample[], field: keyof Sample): number {
  return Math.max(...samples.map((sample) => sample[field]));
}

/** Runs the soak in a process of its own, whose memory is that of the daemon and the simulated network and of nothing else. */
async function soakApart(order: Omit<SoakOrder, 'workerUrl'>): Promise<SoakReport> {
  await bundle(ENTRY, BUNDLE);
  const child = spawn(
    process.execPath,
    [join(BUNDLE, 'soak-process.js'), JSON.stringify({ ...order, workerUrl: workerUrl.href } satisfies SoakOrder)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  return JSON.parse(await text(child.stdout)) as SoakReport;
}

describe(`${SLOTS} slots of 5 minutes on a simulated network (CANDLESCAN_TEST_SLOTS)`, () => {
  it('P12: with a fault every 30 s give no wrong candle and leave memory, timers, handles and the disk as they are', async ({
    annotate,
  }) => {
    const report = await soakApart({ symbols: SYMBOLS, slots: SLOTS, sampleEvery: SLOTS / SAMPLES, dir: directory() });
    const { samples, strikes, incomplete, reconnects, gaps, flushes, disk, scanned } = report;
    await annotate(JSON.stringify({ strikes, incomplete, reconnects, gaps, scanned }));
    await annotate(samples.map((sample) => JSON.stringify(sample)).join('\n'));
    expect(report).toMatchObject({ lies: [], wrongHeld: [], errors: [], mismatches: [], warnings: [], timersLeft: 0 });
    expect(strikes).toBeGreaterThan(9 * SLOTS);
    expect(scanned?.slots).toMatchObject({ ticksTotal: SLOTS + 1, missedTotal: 0 });
    expect(scanned?.written).toBeGreaterThan(SLOTS / 10);

    // What leaks leaks by symbol, so that of objects is scaled to a market of 530, which judges everything else too hard.
    // Resident memory goes up and down by megabytes with the pages of V8 and the thread of the analyzers, whatever the
    // symbols are.
    const late = samples.slice(samples.length / 2);
    const market = MARKET / SYMBOLS.length;
    const slopes = {
      objects: slopeOf(late, ({ heapBytes }) => heapBytes) * market,
      resident: slopeOf(late, ({ rssBytes }) => rssBytes),
    };
    const peak = mostOf(samples, 'rssBytes') / MIB;
    await annotate(`MiB an hour: ${JSON.stringify(slopes)}; resident at most ${peak.toFixed()} MiB`);
    expect(slopes.objects).toBeLessThanOrEqual(0.5);
    expect(slopes.resident).toBeLessThanOrEqual(1);
    expect(peak).toBeLessThanOrEqual(350);
    // Fewer are fine: the last outage may not be over.
    const early = samples.slice(0, samples.length / 2);
    for (const count of ['timers', 'sockets', 'resources', 'listeners'] as const)
      expect(mostOf(late, count), count).toBeLessThanOrEqual(mostOf(early, count));

    await annotate(`disk: ${disk.diskBytes} bytes, ${disk.liveBytes} of them live, after ${flushes} flushes`);
    expect(flushes).toBeGreaterThanOrEqual(Math.min(1_000, SLOTS));
    expect(disk.diskBytes).toBeLessThanOrEqual(1.5 * disk.liveBytes);
    expect(disk.series).toBe(3 * SYMBOLS.length);
  }, 1_800_000);
});

describe('an hour of slots', () => {
  it('finds its series in the cache and asks for what the stream cannot bring: 95 % hits, 5 % of the requests', async ({
    annotate,
  }) => {
    const symbols = Array.from({ length: 40 }, (_, index) => `S${index}USDT`);
    endurance = await Endurance.start({
      symbols,
      slots: 2 * SLOTS_AN_HOUR,
      dir: directory(),
      // Candles without a trade, of which the stream says nothing.
      quietShare: 1 / 16,
      seed: 5,
      flushEvery: 1,
    });
    await endurance.fair(SLOTS_AN_HOUR);
    const before = { cache: endurance.cacheStats().l1, requests: endurance.requests };
    await endurance.fair(SLOTS_AN_HOUR);
    const { l1 } = endurance.cacheStats();
    const hits = l1.hits - before.cache.hits;
    const asked =
      hits + l1.misses + l1.stale + l1.errors - before.cache.misses - before.cache.stale - before.cache.errors;
    const requests = endurance.requests - before.requests;
    const refetching = 3 * symbols.length * SLOTS_AN_HOUR;
    await annotate(`${hits} of ${asked} found, ${requests} requests in place of ${refetching}`);
    expect(asked).toBe(refetching);
    expect(hits / asked).toBeGreaterThanOrEqual(0.95);
    expect(requests / refetching).toBeLessThanOrEqual(0.05);
    expect(requests).toBeGreaterThan(0);
    expect([endurance.incomplete, endurance.lies]).toEqual([0, []]);
  });
});

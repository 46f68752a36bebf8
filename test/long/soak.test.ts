import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { Endurance, type Sample } from '../support/endurance.js';

/** More on demand; with fewer, what grows once looks like a leak. */
const SLOTS = Number(process.env['CANDLESCAN_TEST_SLOTS'] ?? 10_000);
/** Everything that grows once (code, caches, lookbacks of the longest timeframe) has grown by then. */
const WARM = SLOTS / 5;
const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'];
const SLOTS_AN_HOUR = 12;
const MARKET = 530;
const MIB = 2 ** 20;

let endurance: Endurance | undefined;
afterEach(async () => {
  await endurance?.stop();
});

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'candlescan-soak-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** MiB an hour by least squares over the samples. */
function slopeOf(samples: readonly Sample[]): number {
  const points = samples.map(({ slots, heapBytes }) => [slots / SLOTS_AN_HOUR, heapBytes / MIB] as const);
  const mean = (pick: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [hours, heap] = [mean(([at]) => at), mean(([, value]) => value)];
  return mean(([at, value]) => (at - hours) * (value - heap)) / mean(([at]) => (at - hours) ** 2);
}

describe(`${SLOTS} slots of 5 minutes on a simulated network (CANDLESCAN_TEST_SLOTS)`, () => {
  it('P12: with a fault every 30 s give no wrong candle and leave memory, timers, handles and the disk as they are', async ({
    annotate,
  }) => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => warnings.push(message);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    endurance = await Endurance.start({
      symbols: SYMBOLS,
      slots: SLOTS,
      dir: directory(),
      quietShare: 0.1,
      seed: 12,
      flushEvery: Math.ceil(SLOTS / 1_000),
    });
    const samples: Sample[] = [];
    for (let slots = WARM; slots <= SLOTS; slots += WARM) {
      await endurance.foul(WARM);
      samples.push(endurance.sample(slots));
    }
    const { rig, lies, strikes, flushes, incomplete } = endurance;
    const { reconnects } = rig.live.stats().stream;
    expect(lies).toEqual([]);
    expect(endurance.wrongHeld()).toEqual([]);
    expect(rig.errors).toEqual([]);
    expect(rig.mismatches).toEqual([]);
    expect(strikes).toBeGreaterThan(9 * SLOTS);
    const { disk, timersLeft } = await endurance.stop();
    await annotate(JSON.stringify({ strikes, incomplete, reconnects, gaps: rig.live.stats().gaps }));
    await annotate(samples.map((sample) => JSON.stringify(sample)).join('\n'));

    // What leaks leaks by symbol, so the slope is scaled to a market of 530; what does not is judged too hard. Of the
    // megabyte an hour that is allowed half is enough: a run differs by a tenth, one object a candle makes 0.8.
    const slope = (slopeOf(samples) * MARKET) / SYMBOLS.length;
    await annotate(`heap: ${slope.toFixed(3)} MiB an hour in a market of ${MARKET}`);
    expect(slope).toBeLessThanOrEqual(0.5);
    const [warm, ...later] = samples.map(({ timers, sockets, resources, listeners }) => ({
      timers,
      sockets,
      resources,
      listeners,
    }));
    for (const sample of later) expect(sample).toEqual(warm);
    expect(timersLeft).toBe(0);
    expect(warnings).toEqual([]);

    await annotate(`disk: ${disk.diskBytes} bytes, ${disk.liveBytes} of them live, after ${flushes} flushes`);
    expect(flushes).toBeGreaterThanOrEqual(Math.min(1_000, SLOTS));
    expect(disk.diskBytes).toBeLessThanOrEqual(1.5 * disk.liveBytes);
    expect(disk.series).toBe(3 * SYMBOLS.length);
  }, 600_000);
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

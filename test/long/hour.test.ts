import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Timeframe } from '../../src/domain/timeframe.js';
import { seededRandom } from '../../src/lib/random.js';
import type { CycleItem, SymbolItem } from '../../src/server/ports.js';
import type { SimProcess } from '../../src/sim/process.js';
import type { SimStats } from '../../src/sim/stats.js';
import { type Audit, type AuditOptions, auditCandles } from '../support/candle-audit.js';
import { DaemonProcess, endDaemons } from '../support/daemon.js';
import { Control, Storm } from '../support/storm.js';
import { simProcess } from '../support/surroundings.js';

const MINUTE = 60_000;
/** An hour on demand: `CANDLESCAN_TEST_MINUTES=60`. */
const MINUTES = Number(process.env['CANDLESCAN_TEST_MINUTES'] ?? 2);
const TIMEFRAMES = ['1m', '3m', '5m', '15m'] as const satisfies readonly Timeframe[];
const SYMBOLS = 60;
const LOOKBACK = 300;
/** The storm is over when the last slot but one comes, so that the last one finds everything. */
const FAIR_MS = 100_000;
const FAULT_EVERY_MS = 6_000;
/** Newest candles that are compared while the storm blows. */
const NEWEST = 30;

/** The next time that lies so long after the start of a minute, epoch ms. */
function nextAfter(now: number, offsetMs: number): number {
  return Math.ceil((now - offsetMs) / MINUTE) * MINUTE + offsetMs;
}

describe(`a daemon on the embedded exchange for ${MINUTES} minutes (CANDLESCAN_TEST_MINUTES), through faults`, () => {
  let sim: SimProcess;
  let daemon: DaemonProcess;
  let daemonUrl: string;
  let storm: Storm;
  /** Every minute of the storm. */
  const meanwhile: Audit[] = [];
  let last: Audit;
  let cycles: CycleItem[];
  let exchange: SimStats;
  let metrics: Map<string, number>;
  let exit: Awaited<DaemonProcess['exited']>;
  let slots: { readonly missedTotal: number; readonly ticksTotal: number };
  const rss: number[] = [];

  const get = async <T>(path: string) => (await (await fetch(daemonUrl + path)).json()) as T;
  const scrape = async () => {
    const text = await (await fetch(`${daemonUrl}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  };

  /** Resolves at `endMs` (epoch ms), when it has been fair for a while. */
  async function weather(audit: AuditOptions, endMs: number): Promise<void> {
    storm.begin(FAULT_EVERY_MS);
    const calm = sleep(endMs - FAIR_MS - Date.now()).then(() => storm.end());
    const closings = (async () => {
      await storm.closeGate('limited', 6);
      await storm.closeGate('banned', 15);
    })();
    // Ten seconds after a slot, while candles that were lost are still being fetched.
    for (let at = nextAfter(Date.now(), 10_000); at < endMs; at += MINUTE) {
      await sleep(at - Date.now());
      meanwhile.push(await auditCandles(audit, NEWEST));
      rss.push((await scrape()).get('process_resident_memory_bytes') ?? Number.NaN);
    }
    await Promise.all([calm, closings]);
    await sleep(endMs - Date.now());
  }

  beforeAll(
    async () => {
      sim = await simProcess('--symbols', String(SYMBOLS), '--latency-ms', '20', '--jitter-ms', '30', '--retry-after');
      const set = [
        `timeframes=[${TIMEFRAMES.join()}]`,
        `candles.lookback=${LOOKBACK}`,
        'stream.streamsPerConnection=12',
      ];
      daemon = new DaemonProcess({ exchange: sim, plain: true, set });
      await daemon.ready(60_000);
      daemonUrl = await daemon.url();
      const { items } = await get<{ items: SymbolItem[] }>('/api/v1/symbols');
      const symbols = items.map(({ symbol }) => symbol);
      const control = new Control(sim.restUrl);
      storm = new Storm({ control, random: seededRandom(MINUTES), symbols });
      const audit = { restUrl: sim.restUrl, daemonUrl, symbols, timeframes: TIMEFRAMES };
      // The end lies in the second half of a minute, when its cycle is over.
      await weather(audit, nextAfter(Date.now(), 0) + MINUTES * MINUTE + 40_000);
      last = await auditCandles(audit);
      cycles = (await get<{ items: CycleItem[] }>('/api/v1/cycles?limit=1000')).items;
      ({ slots } = await get<{ slots: typeof slots }>('/api/v1/status'));
      exchange = await control.stats();
      metrics = await scrape();
      exit = await daemon.stop();
    },
    (MINUTES + 4) * MINUTE,
  );

  afterAll(async () => {
    await endDaemons();
    await sim?.stop();
  });

  it('serves nothing but candles of the exchange, digit for digit, in the storm and after it', async ({ annotate }) => {
    const compared = [...meanwhile, last].reduce((sum, audit) => sum + audit.compared, 0);
    await annotate(`${compared} candles in ${meanwhile.length + 1} comparisons`);
    expect([...meanwhile, last].flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(meanwhile.length).toBeGreaterThanOrEqual(MINUTES - 2);
    expect(Math.min(...meanwhile.map((audit) => audit.compared))).toBeGreaterThan(SYMBOLS * NEWEST);
  });

  it('holds every series without a hole and up to its newest candle when the storm is over', async ({ annotate }) => {
    await annotate(`${last.compared} candles`);
    expect(last.lacking).toEqual([]);
    expect(last.compared).toBeGreaterThan(SYMBOLS * TIMEFRAMES.length * 90);
  });

  it('derives no candle that the exchange tells otherwise', () => {
    expect(metrics.get('candlescan_candle_mismatches_total')).toBe(0);
  });

  it('misses no slot, fails in none, and ends with a complete one', async ({ annotate }) => {
    const times = cycles.map(({ slot }) => Date.parse(slot)).toReversed();
    const first = times[0] as number;
    await annotate(`${times.length} slots, ${cycles.filter(({ outcome }) => outcome === 'partial').length} partial`);
    expect(times).toEqual(times.map((_, index) => first + index * MINUTE));
    expect(times.length).toBeGreaterThanOrEqual(MINUTES);
    expect(slots).toMatchObject({ missedTotal: 0, ticksTotal: times.length });
    expect(cycles.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect(cycles[0]).toMatchObject({ outcome: 'complete' });
  });

  it('never uses more weight than the exchange allows, and asks nothing while it is shut out', async ({ annotate }) => {
    const { maxWeightPerMinute, overruns, whileBanned } = exchange;
    await annotate(`${maxWeightPerMinute} of 2400 in the heaviest minute, the comparisons included`);
    expect({ overruns, whileBanned }).toEqual({ overruns: 0, whileBanned: 0 });
    expect(storm.requestsWhileClosed).toBe(0);
  });

  it('has suffered every fault that came up', async ({ annotate }) => {
    await annotate(JSON.stringify(storm.strikes));
    await annotate(`resident, MiB: ${rss.map((bytes) => Math.round(bytes / 2 ** 20)).join(' ')}`);
    // Some find nothing to strike in a short run: nobody subscribes, or asks for candles, at the time.
    const struck = Object.values(storm.strikes).filter((count) => count > 0);
    expect(struck.length).toBeGreaterThanOrEqual(Math.min(12, MINUTES * 2));
  });

  it('stops at SIGTERM with 0, and wrote no fatal line', () => {
    expect(exit).toMatchObject({ code: 0, signal: null });
    expect(daemon.stderr()).not.toMatch(/fatal|unhandled|MaxListeners/i);
  });
});

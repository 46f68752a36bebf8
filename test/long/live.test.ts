import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CandleRow, Source } from '../../src/domain/candle.js';
import { floorToTimeframe } from '../../src/domain/timeframe.js';
import type { Sim } from '../../src/sim/server.js';
import { candlesOf, type Given, LiveSim, SETTLE_MS, type SlotRun } from '../support/live-sim.js';
import type { Asked } from '../support/live-witness.js';
import { ShiftedClock } from '../support/shifted-clock.js';

/** Epoch ms of a time of the day on which the test plays; 14:15 is a slot of every timeframe. */
const at = (minute: number, second = 0) => Date.UTC(2026, 2, 18, 14, minute, second);
const FIRST = at(13);
const SLOTS = [at(14), at(15), at(16), at(17)];
const CALM = [at(14), at(17)];
const SYMBOLS = 40;
/** Four connections of ten. */
const STREAMS_PER_CONNECTION = 10;

let rig: LiveSim;
/** Traded in every minute of the test. */
let busy: string[];
/** Struck by one fault each. */
let silent: string;
let lost: string[];
const runs: SlotRun[] = [];
/** Requests from the start of each slot's cycle to the next one's, those of the audit left out. */
const asked = new Map<number, readonly Asked[]>();
/** How often each fault rule struck. */
const strikes: number[] = [];
/** Series called stale just after the silence of streams was judged, by slot, and how many were subscribed again then. */
const stale = new Map<number, number>();
const renewed = new Map<number, number>();
/** They are struck by a fault that can make them silent for some seconds after 14:15. */
const DISTURBED_STREAMS = 11;

function clear(faults: Sim['faults'] | Sim['stream']['faults']): void {
  strikes.push(...faults.list().map(({ fired }) => fired));
  faults.clear();
}

const timeOf = (run: SlotRun) => new Date(run.slot).toISOString().slice(11, 16);
const baseOf = (queries: readonly Asked[] = []) => new Set(queries.map(({ symbol }) => symbol));
const keyOf = ({ symbol, timeframe, row }: Given) => `${symbol} ${timeframe} ${row[0]}`;

/** Candles of the base timeframe that ended at the slot. */
function newest(run: SlotRun): Given[] {
  return run.windows.filter(({ timeframe }) => timeframe === '1m').flatMap((window) => candlesOf(window).slice(-1));
}

/** Lost closing frames, doubled and reordered ones, one mute stream, one candle that is told anew after its cycle. */
async function spoilFrames(): Promise<void> {
  const { sim, clock } = rig;
  await clock.until(at(14, 20));
  const [doubled, reordered] = [busy.slice(6, 14), busy.slice(14, 20)];
  const frames = { target: 'stream', on: 'frame' } as const;
  sim.stream.faults.add([
    { ...frames, symbol: silent, action: { type: 'drop' } },
    { ...frames, symbol: lost, closed: true, action: { type: 'drop' } },
    { ...frames, symbol: doubled, action: { type: 'repeat', times: 3 } },
    { ...frames, symbol: reordered, everyNth: 2, action: { type: 'reorder' } },
  ]);
  await clock.until(at(15, 6));
  clear(sim.stream.faults);
}

/** One connection is reset, two fall silent; what comes in their place is acknowledged and brings nothing, or half. */
async function spoilConnections(): Promise<void> {
  const { sim, clock } = rig;
  const { faults } = sim.stream;
  const on = (connection: number) => ({ target: 'stream', on: 'connection', connection }) as const;
  const subscribe = { target: 'stream', on: 'request', method: 'SUBSCRIBE', count: 1 } as const;
  await clock.until(at(15, 40));
  faults.add([
    { ...on(1), action: { type: 'freeze' } },
    { ...subscribe, action: { type: 'partial' } },
  ]);
  await clock.until(at(15, 55));
  clear(faults);
  faults.add([
    { ...on(2), action: { type: 'close', code: 1006 } },
    { ...subscribe, action: { type: 'ackOnly' } },
  ]);
  await clock.until(at(15, 59));
  faults.add({ ...on(3), action: { type: 'freeze' } });
  await clock.until(at(16, 20));
  clear(faults);
}

async function spoilRest(): Promise<void> {
  const { sim, clock } = rig;
  await clock.until(at(15, 58));
  sim.faults.add([
    { path: 'klines', count: 5, action: { type: 'unavailable' } },
    { path: 'klines', count: 1, action: { type: 'limited', retryAfter: '1' } },
  ]);
  await clock.until(at(16, 20));
  clear(sim.faults);
}

/** After its cycle, the exchange says something else about the last candle of the busiest symbol. */
async function tellAnew(): Promise<void> {
  await rig.clock.until(at(16, 50));
  const rule = { target: 'stream', on: 'frame', symbol: busy[0] as string, closed: true } as const;
  rig.sim.stream.faults.add({ ...rule, action: { type: 'revise', afterMs: 3_000 } });
}

/** Streams are judged 5 s after a slot. */
async function watchRemedies(slot: number): Promise<void> {
  await rig.clock.until(slot + 4_500);
  const { subscribed } = rig.sim.stream.stats();
  await rig.clock.until(slot + 5_900);
  stale.set(slot, rig.live.stats().stream.staleSeries);
  renewed.set(slot, rig.sim.stream.stats().subscribed - subscribed);
}

async function runSlot(slot: number): Promise<void> {
  await rig.clock.until(slot);
  const from = rig.witness.asked.length;
  runs.push(await rig.run(slot));
  const byCycle = rig.witness.asked.slice(from);
  await rig.live.audit(slot, new AbortController().signal);
  await rig.clock.until(slot === SLOTS.at(-1) ? slot + 8_000 : slot + 55_000);
  // The audit is the only one that asks in the bulk lane after a cycle.
  const later = rig.witness.asked.slice(from + byCycle.length).filter(({ lane }) => lane === 'urgent');
  asked.set(slot, [...byCycle, ...later]);
}

/** Milliseconds from the last closing frame of a batch to its findings, for batches that had one of every symbol. */
function latenciesMs({ slot, batches }: SlotRun): number[] {
  return batches.flatMap(({ symbols, endedAt }) => {
    const closes = [...symbols].map((symbol) => rig.witness.closedAt(symbol, slot) ?? Number.POSITIVE_INFINITY);
    const last = Math.max(...closes);
    return last <= endedAt ? [endedAt - last] : [];
  });
}

beforeAll(async () => {
  const clock = new ShiftedClock(at(13, 48));
  rig = await LiveSim.start({ clock, symbols: SYMBOLS, streamsPerConnection: STREAMS_PER_CONNECTION });
  const quiet = new Set([...SLOTS, at(18)].flatMap((slot) => rig.quiet(slot)));
  const trades = new Map(rig.symbols.map((symbol) => [symbol, rig.trades(symbol, at(15))]));
  busy = rig.symbols
    .filter((symbol) => !quiet.has(symbol))
    .sort((a, b) => (trades.get(b) as number) - (trades.get(a) as number));
  silent = busy[1] as string;
  lost = busy.slice(2, 6);
  rig.live.start();
  runs.push(await rig.run(FIRST));
  const faults = Promise.all([spoilFrames(), spoilConnections(), spoilRest(), tellAnew(), ...SLOTS.map(watchRemedies)]);
  for (const slot of SLOTS) await runSlot(slot);
  await faults;
}, 240_000);

afterAll(() => rig.stop());

describe('the live pipeline on the embedded exchange, over real sockets and through faults', () => {
  it('gives the analyzers every series at every slot, none missing', () => {
    expect(runs.map(({ slot }) => slot)).toEqual([FIRST, ...SLOTS]);
    for (const { report, windows } of runs) {
      expect(report.symbols).toEqual({ total: SYMBOLS, analyzed: SYMBOLS, skipped: [] });
      expect(windows).toHaveLength(3 * SYMBOLS);
      expect(report.failures).toEqual([]);
    }
    expect(rig.errors).toEqual([]);
  });

  it("X13: shows them the exchange's own closed candles and never a forming one, digit for digit", () => {
    let compared = 0;
    for (const { slot, windows } of runs) {
      for (const window of windows) {
        const rows = candlesOf(window).map(({ row }) => row);
        expect(rows, `${window.symbol} ${window.timeframe} at ${slot}`).toEqual(rig.expected(window, slot));
        compared += rows.length;
      }
    }
    expect(compared).toBeGreaterThan(runs.length * 3 * SYMBOLS * 50);
  });

  it('says of every candle the source that really showed it', () => {
    const isTrue: Record<Source, (candle: Given) => boolean> = {
      cache: () => false,
      history: (candle) => rig.witness.saw('bulk', candle, candle.row),
      stream: (candle) => candle.timeframe === '1m' && rig.witness.saw('stream', candle, candle.row),
      rest: (candle) => rig.witness.saw('urgent', candle, candle.row),
      derived: ({ timeframe, row }) => timeframe !== '1m' && row[0] >= floorToTimeframe(FIRST, timeframe),
    };
    const wrong = runs
      .flatMap(({ windows }) => windows.flatMap(candlesOf))
      .filter((candle) => !isTrue[candle.source](candle));
    expect(wrong.map((candle) => `${keyOf(candle)} ${candle.source}`)).toEqual([]);
  });

  it('derives every longer candle that closes during the run, as REST has it', () => {
    const longer = (runs.at(-1) as SlotRun).windows.filter(({ timeframe }) => timeframe !== '1m');
    const since = longer
      .flatMap(candlesOf)
      .filter(({ timeframe, row }) => row[0] >= floorToTimeframe(FIRST, timeframe));
    expect(since.map(({ source }) => source)).toEqual(new Array(2 * SYMBOLS).fill('derived'));
    expect(rig.live.stats()).toMatchObject({
      derived: 2 * SYMBOLS,
      audited: 2 * SYMBOLS,
      mismatches: 0,
      auditFailed: 0,
    });
  });

  it('asks REST in a slot without faults for nothing but the candles of symbols that nobody traded', async ({
    annotate,
  }) => {
    for (const slot of CALM) {
      const queries = asked.get(slot) ?? [];
      const quiet = rig.quiet(slot);
      const others = queries.filter(({ symbol }) => !quiet.includes(symbol));
      expect(others.length / (3 * SYMBOLS)).toBeLessThanOrEqual(0.01);
      expect(queries.length - others.length).toBe(quiet.length);
      await annotate(`${queries.length} klines requests, ${quiet.length} of them for symbols without a trade`);
    }
  });

  it('never asks REST for a candle whose closing frame came before the slot had settled', () => {
    for (const slot of SLOTS) {
      const early = rig.symbols.filter((symbol) => {
        const time = rig.witness.closedAt(symbol, slot);
        return time !== null && time < slot + SETTLE_MS - 100;
      });
      expect(early.length).toBeGreaterThan(0);
      expect(early.filter((symbol) => baseOf(asked.get(slot)).has(symbol))).toEqual([]);
    }
  });

  it('takes the newest candle of a calm slot from the stream', () => {
    for (const run of runs.filter(({ slot }) => CALM.includes(slot))) {
      const quiet = rig.quiet(run.slot);
      for (const { symbol, source } of newest(run)) {
        expect(`${symbol} ${source}`).toBe(`${symbol} ${quiet.includes(symbol) ? 'rest' : 'stream'}`);
      }
    }
  });

  it('was struck by every fault', () => {
    expect(strikes).toHaveLength(11);
    expect(strikes.filter((fired) => fired === 0)).toEqual([]);
  });

  it('breaks no limit of the exchange, and sends a limit with every klines request', () => {
    const { overruns, whileBanned, klinesWithoutLimit, nonTrading, unknownPaths } = rig.sim.stats();
    expect({ overruns, whileBanned, klinesWithoutLimit, nonTrading, unknownPaths }).toEqual({
      overruns: 0,
      whileBanned: 0,
      klinesWithoutLimit: 0,
      nonTrading: 0,
      unknownPaths: 0,
    });
    expect(rig.sim.stream.stats().closes).toEqual({ reset: 1 });
  });

  it('W2: has REST fill the one silent stream of a connection, calls it stale, and subscribes it again', () => {
    const source = (slot: number) =>
      newest(runs.find((run) => run.slot === slot) as SlotRun).find(({ symbol }) => symbol === silent)?.source;
    for (const counts of [stale, renewed]) {
      expect(CALM.map((slot) => counts.get(slot))).toEqual([0, 0]);
      expect(counts.get(at(15))).toBeGreaterThanOrEqual(1);
      expect(counts.get(at(15))).toBeLessThanOrEqual(DISTURBED_STREAMS);
    }
    expect([at(14), at(15), at(17)].map(source)).toEqual(['stream', 'rest', 'stream']);
  });

  it('W1 W3 W4: replaces connections that were reset, went silent, or were acknowledged and mute', async ({
    annotate,
  }) => {
    const losses = rig.notices.flatMap((notice) => (notice.kind === 'lost' ? [notice] : []));
    for (const { at: time, reason, detail } of losses) {
      await annotate(`${new Date(time).toISOString().slice(14, 23)} ${reason}: ${detail}`);
    }
    expect(losses.map(({ reason }) => reason).sort()).toEqual(['network', 'silent', 'silent', 'silent']);
    const { connections, reconnects } = rig.live.stats().stream;
    expect(connections).toEqual({ waiting: 0, connecting: 0, open: 4, draining: 0 });
    expect(reconnects).toEqual({ network: 1, silent: 3 });
  });

  it('W3: calls a frozen connection silent within 10 s, also when its streams are subscribed again meanwhile', () => {
    const silentFrom = (from: number) =>
      rig.notices.filter((notice) => {
        const isDue = notice.at > from && notice.at <= from + 10_000;
        return notice.kind === 'lost' && notice.reason === 'silent' && isDue;
      });
    expect(silentFrom(at(15, 40))).toHaveLength(1);
    // The other one took the place of the connection that was reset, and was mute.
    expect(silentFrom(at(15, 59))).toHaveLength(2);
  });

  it('X1: sends nothing until the time that came with 429, and finishes the cycle after it', () => {
    expect(rig.client.stats().throttled).toBe(1);
    expect(rig.holds).toHaveLength(1);
    const [{ from, until }] = rig.holds as [{ from: number; until: number }];
    expect(until - from).toBeGreaterThan(900);
    // What was under way already is still answered.
    expect(rig.answered.filter((time) => time > from + 250 && time < until)).toEqual([]);
    expect(rig.answered.filter((time) => time >= until && time < until + 3_000).length).toBeGreaterThan(0);
  });

  it('X3: fills a slot through a burst of 503 by asking again', () => {
    const { retried, failed } = rig.client.stats();
    expect(retried).toBeGreaterThanOrEqual(5);
    expect(failed).toBe(0);
    expect(rig.sim.stats().faulted).toBe(6);
  });

  it('X13: keeps the newer statement of a closed candle, and says from where on to look again', async () => {
    const symbol = busy[0] as string;
    expect(rig.revisions).toEqual([{ symbol, timeframe: '1m', since: at(16) }]);
    const again = await rig.run(at(17));
    const rows = (run: SlotRun): CandleRow[] =>
      run.windows
        .filter((window) => window.symbol === symbol && window.timeframe === '1m')
        .flatMap(candlesOf)
        .map(({ row }) => row);
    const [before, after] = [rows(runs.at(-1) as SlotRun), rows(again)];
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
    expect(after.at(-1)?.[4]).not.toBe(before.at(-1)?.[4]);
    expect(rig.witness.saw('stream', { symbol, timeframe: '1m' }, after.at(-1) as CandleRow)).toBe(true);
  });

  it('measures the time from the last closing frame of a slot to the findings', async ({ annotate }) => {
    for (const run of runs.slice(1)) {
      const { streamMs, restMs, analyzeMs } = run.report.stages;
      const latencies = latenciesMs(run);
      await annotate(
        `${timeOf(run)}: ${latencies.join(' ') || '-'} ms (batches with a closing frame of every symbol); ` +
          JSON.stringify({ streamMs, restMs, analyzeMs, signals: run.report.signals.length }),
      );
      if (CALM.includes(run.slot)) expect(latencies.length).toBeGreaterThan(2);
    }
  });
});

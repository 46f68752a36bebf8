import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.js';
import { recordReport } from '../../src/signals/report.js';
import { MAIN, temporaryDir } from '../support/cli.js';
import { DaemonProcess, endDaemons, FIXTURES, type SignalItem } from '../support/daemon.js';
import { signalLines } from '../support/signals.js';
import { type Exchange, MINUTE_MS, startExchange, until } from '../support/surroundings.js';

const KILLS = Number(process.env['CANDLESCAN_TEST_DAEMON_KILLS'] ?? 200);
/** Daemons side by side, each with a data directory of its own. */
const LANES = 3;
/** Of them may have had no trade in the newest minute. */
const QUIET_SYMBOLS = 3;
const SYMBOLS = 20;
/** The cycle of a slot ends within this, mostly. */
const CYCLE_MS = 3_400;
/** A slot this near is waited for, so that some are killed in the middle of its cycle. */
const NEAR_SLOT_MS = 4_000;
const POLL_MS = 50;

/** One data directory and those who lived on it. */
class Lane {
  readonly dataDir = join(temporaryDir(), 'data');
  /** What was shown over HTTP, as text by id and state. */
  readonly shown = new Map<string, string>();
  readonly readyMs: number[] = [];
  kills = 0;
  killedInCycle = 0;
  #round = 0;
  /** From the start until it listens, the last time, and from there to the end of the first cycle, at most. */
  #startMs = 500;
  #firstCycleMs = 500;

  start(exchange: Exchange): DaemonProcess {
    this.#round += 1;
    const set = [
      `analyzers.paths=[${join(FIXTURES, 'pulse.mjs')}]`,
      // With every life the analyzer says something else, so that each has something to write.
      `analyzers.enabled=[{name: pulse, parameters: {round: ${this.#round}}}]`,
      'cache.flushEvery=1s',
    ];
    return new DaemonProcess({ exchange, dataDir: this.dataDir, set, args: ['--log-level', 'info'] });
  }

  /** The first life ends in peace: from here on every start is a warm one. */
  async begin(exchange: Exchange): Promise<void> {
    const daemon = this.start(exchange);
    await daemon.line('listening for HTTP');
    this.#startMs = performance.now() - daemon.startedAtMs;
    this.#firstCycleMs = (await daemon.ready()) - this.#startMs;
    await daemon.stop();
  }

  /** Lives until a random moment of its start, its first cycle or the cycle of a slot, and is killed. */
  async live(exchange: Exchange, random: () => number): Promise<void> {
    const daemon = this.start(exchange);
    const inStart = random() < 0.25;
    const listening = () => daemon.linesOf('listening for HTTP').length > 0;
    if (inStart) await sleep(random() * this.#startMs);
    else await until('it listens', 20_000, listening);
    if (!inStart) this.#startMs = performance.now() - daemon.startedAtMs;
    const endMs = performance.now() + (inStart ? 0 : moreMs(random, 2 * this.#firstCycleMs));
    while (performance.now() < endMs) {
      await sleep(Math.min(POLL_MS, Math.max(1, endMs - performance.now())));
      await this.look(daemon, endMs);
    }
    const slotCycle = daemon.linesOf('ready').length > 0 && Date.now() % MINUTE_MS < CYCLE_MS;
    this.killedInCycle += slotCycle ? 1 : 0;
    daemon.kill('SIGKILL');
    expect(await daemon.exited).toMatchObject({ signal: 'SIGKILL' });
    const [ready] = daemon.linesOf('ready');
    if (ready !== undefined) {
      const readyMs = Number(ready['time']) - daemon.startedAt;
      this.readyMs.push(readyMs);
      this.#firstCycleMs = Math.max(this.#firstCycleMs, readyMs - this.#startMs);
    }
    expect(daemon.log.filter(({ level }) => level >= 50)).toEqual([]);
    this.kills += 1;
  }

  /** Remembers what is shown; nobody answers any more when `endMs` is past. */
  async look(daemon: DaemonProcess, endMs: number): Promise<void> {
    const since = new Date(Date.now() - 3 * MINUTE_MS).toISOString();
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(endMs - performance.now())));
    const response = await daemon.get(`/api/v1/signals?limit=400&since=${since}`, { signal }).catch(() => null);
    const page = (await response?.json().catch(() => null)) as { items?: SignalItem[] } | null | undefined;
    for (const item of page?.items ?? []) {
      if (item.confirmedAt !== null) this.shown.set(stateOf(item), contentOf(item));
    }
  }

  /** Whatever was shown is on disk, whole and once. A torn line can only be the last: the next start removes it. */
  check(): void {
    const lines = signalLines(this.dataDir);
    const torn = lines.at(-1) === null ? 1 : 0;
    const records = lines.slice(0, lines.length - torn);
    expect(records).not.toContain(null);
    const written = new Map(records.flatMap((record) => (record === null ? [] : [recordReport(record)])).map(entryOf));
    expect(written.size, 'a state was written twice').toBe(records.length);
    for (const [state, content] of this.shown) {
      if (written.get(state) !== content) expect.fail(`lost after kill ${this.kills}: ${content}`);
    }
  }
}

/** No two states of a signal share status and revision. */
const stateOf = ({ id, status, revision }: SignalItem) => `${id}/${revision}/${status}`;
const contentOf = (item: SignalItem) => JSON.stringify([item.symbol, item.slot, item.strength, item.candleCloseTime]);
const entryOf = (item: SignalItem) => [stateOf(item), contentOf(item)] as const;

/** How long one that listens is left alive. */
function moreMs(random: () => number, firstCyclesMs: number): number {
  const toSlotMs = MINUTE_MS - (Date.now() % MINUTE_MS);
  return toSlotMs < NEAR_SLOT_MS ? toSlotMs + random() * CYCLE_MS : random() * firstCyclesMs;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

describe.skipIf(!existsSync(MAIN))('a daemon that is killed (skipped unless the program is built)', () => {
  let exchange: Exchange;

  beforeAll(async () => {
    exchange = await startExchange('--symbols', String(SYMBOLS), '--weight-limit', '100000');
  });
  afterAll(async () => {
    await endDaemons();
    await exchange?.stop();
  });

  it(`P1: has lost no signal that was shown, left none half and written none twice, and starts at once (${KILLS} kills)`, async ({
    annotate,
  }) => {
    const random = seededRandom(29);
    const lanes = Array.from({ length: LANES }, () => new Lane());
    let left = KILLS;
    const campaign = async (lane: Lane) => {
      await lane.begin(exchange);
      while (left > 0) {
        left -= 1;
        await lane.live(exchange, random);
        lane.check();
      }
    };
    await Promise.all(lanes.map(campaign));

    const lastReadyMs: number[] = [];
    for (const lane of lanes) {
      const last = lane.start(exchange);
      lastReadyMs.push(await last.ready());
      // The cycle that was cut is run again: every symbol has its signal, but those that nobody traded in the last minute.
      await until('the newest candles have their signals', 10_000, async () => {
        const items = await last.signals();
        const close = items[0]?.candleCloseTime;
        const newest = items.filter((item) => item.timeframe === '1m' && item.candleCloseTime === close);
        return newest.length >= SYMBOLS - QUIET_SYMBOLS;
      });
      expect(await last.stop()).toMatchObject({ code: 0 });
      lane.check();
      expect(signalLines(lane.dataDir)).not.toContain(null);
    }
    const kills = lanes.reduce((sum, lane) => sum + lane.kills, 0);
    const shown = lanes.reduce((sum, lane) => sum + lane.shown.size, 0);
    const readyMs = lanes.flatMap((lane) => lane.readyMs);
    const inCycle = lanes.reduce((sum, lane) => sum + lane.killedInCycle, 0);
    await annotate(
      `${kills} kills, ${inCycle} in the cycle of a slot, ${shown} states shown; ready after a kill: median ` +
        `${Math.round(median(readyMs))} ms, at most ${Math.round(Math.max(...readyMs))} ms of ${readyMs.length}; one by one ` +
        lastReadyMs.map((ms) => `${Math.round(ms)} ms`).join(', '),
    );
    expect(kills).toBe(KILLS);
    // Of starts one by one, and the quickest, because others may use the machine.
    expect(Math.min(...lastReadyMs)).toBeLessThan(5_000);
    expect(shown).toBeGreaterThan(kills * 5);
  });
});

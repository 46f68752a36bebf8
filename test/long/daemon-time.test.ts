import { spawnSync } from 'node:child_process';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN, temporaryDir } from '../support/cli.js';
import { type DaemonProcess, endDaemons, FIXTURES, readyDaemon } from '../support/daemon.js';
import { afterSlot, type Exchange, MINUTE_MS, startExchange, until } from '../support/surroundings.js';

const PULSE = [`analyzers.paths=[${join(FIXTURES, 'pulse.mjs')}]`, 'analyzers.enabled=[pulse]'];
const FAKETIME = findFaketime();

type Row = readonly [number, string, string, string, string, string];

/** The closed candles that both have, as numbers: those of the daemon and those of the exchange. */
async function candlesOf(daemon: DaemonProcess, exchange: Exchange, symbol: string) {
  const { candles } = await daemon.json<{
    candles: Record<'openTime' | 'open' | 'high' | 'low' | 'close' | 'volume', number>[];
  }>(`/api/v1/candles/${symbol}/1m?limit=60`);
  const response = await fetch(`${exchange.restUrl}/fapi/v1/klines?symbol=${symbol}&interval=1m&limit=61`);
  const rows = new Map(((await response.json()) as Row[]).map((row) => [row[0], row.slice(1, 6).map(Number)]));
  const held = candles.map(
    ({ openTime, open, high, low, close, volume }) => [openTime, [open, high, low, close, volume]] as const,
  );
  return { held, theirs: held.map(([openTime]) => [openTime, rows.get(openTime)] as const) };
}

/** Slots strictly ascend by a minute, but for those that are counted as missed. */
async function expectOrderlySlots(daemon: DaemonProcess): Promise<void> {
  const cycles = (await daemon.cycles()).toReversed();
  const minutes = cycles.map(({ slot }) => Date.parse(slot) / MINUTE_MS);
  const steps = cycles.slice(1).map(({ missed }) => missed + 1);
  expect(minutes.slice(1).map((minute, index) => minute - (minutes[index] ?? 0))).toEqual(steps);
}

async function expectOneSignalEach(daemon: DaemonProcess): Promise<void> {
  const ids = (await daemon.signals()).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
}

describe.skipIf(!existsSync(MAIN))('the time of a daemon (skipped unless the program is built)', () => {
  let exchange: Exchange;

  beforeAll(async () => {
    exchange = await startExchange('--symbols', '20', '--weight-limit', '100000');
  });
  afterAll(async () => {
    await endDaemons();
    await exchange?.stop();
  });

  it.concurrent('P5: a pause over two slots is noticed, its gaps are filled, and one late cycle makes up for it', async () => {
    const daemon = await readyDaemon({ exchange, set: PULSE });
    await afterSlot(5_000);
    await until('the cycle before', 10_000, async () =>
      (await daemon.cycles()).some(({ reason }) => reason === 'slot'),
    );
    const [before] = await daemon.cycles();
    daemon.kill('SIGSTOP');
    // Over the next slot and, late enough for its signals to be late, the one after.
    await sleep(2 * MINUTE_MS - (Date.now() % MINUTE_MS) + 35_000);
    daemon.kill('SIGCONT');
    await until('fresh again', 10_000, () => daemon.isReady());
    const after = (await daemon.cycles()).filter(({ slot }) => slot > (before?.slot ?? ''));
    expect(after.filter(({ reason }) => reason === 'resume')).toHaveLength(1);
    expect(after.at(-1)).toMatchObject({ late: true, missed: 1, reason: 'resume', outcome: 'complete' });
    expect(await daemon.metric('clock_disturbances_total{kind="pause"}')).toBe(1);
    expect(await daemon.metric('cycles_missed_total')).toBe(1);
    const late = (await daemon.signals()).filter(({ slot }) => slot === after.at(-1)?.slot);
    expect(late.length).toBeGreaterThanOrEqual(20);
    expect(late.every((signal) => signal.late)).toBe(true);
    await expectOrderlySlots(daemon);
    await expectOneSignalEach(daemon);
    const { held, theirs } = await candlesOf(daemon, exchange, 'BTCUSDT');
    expect(held.length).toBeGreaterThan(50);
    expect(held).toEqual(theirs);
    expect(await daemon.metric('series_gaps_total{outcome="unrepaired"}')).toBe(0);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
  });

  it.concurrent.each([1_000, 5_000])(
    'P11: a main thread that is busy for %i ms loses no connection and says so',
    async (busyMs) => {
      const daemon = await readyDaemon({ exchange, set: PULSE, mishaps: true });
      await afterSlot(busyMs + 4_000);
      const connects = await daemon.metric('stream_reconnects_total');
      // Over a slot, when every candle is due.
      await sleep(MINUTE_MS - (Date.now() % MINUTE_MS) - busyMs / 2);
      daemon.mishap('busy', busyMs);
      await sleep(busyMs + 1_000);
      await afterSlot(-MINUTE_MS + 15_000);
      expect(await daemon.metric('stream_reconnects_total')).toBe(connects);
      // What is under two seconds is nothing to speak of.
      if (busyMs > 3_000) expect(await daemon.metric('clock_disturbances_total{kind="lag"}')).toBeGreaterThan(0);
      expect(await daemon.metric('clock_disturbances_total{kind="pause"}')).toBe(0);
      await expectOrderlySlots(daemon);
      expect(await daemon.isReady()).toBe(true);
      expect(await daemon.stop()).toMatchObject({ code: 0 });
    },
  );

  describe.skipIf(FAKETIME === null)('whose clock is set (skipped without libfaketime)', () => {
    it.concurrent.each([
      ['+1h', 3_600],
      ['-2h', -7_200],
      ['+1d', 86_400],
    ])('T1: runs no slot twice and skips none when the clock is set by %s', async (text, seconds) => {
      const file = join(temporaryDir(), 'time');
      writeFileSync(file, '+0\n');
      const env = {
        LD_PRELOAD: FAKETIME as string,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
        FAKETIME_NO_CACHE: '1',
      };
      const daemon = await readyDaemon({ exchange, set: PULSE, env });
      await afterSlot(10_000);
      writeFileSync(file, `${text}\n`);
      utimesSync(file, new Date(), new Date());
      await sleep(5_000);
      expect(Math.abs((await daemon.metric('clock_skew_seconds')) - seconds)).toBeLessThan(2);
      expect(await daemon.metric('clock_disturbances_total{kind="jump"}')).toBe(1);
      await afterSlot(8_000);
      await afterSlot(8_000);
      const cycles = await daemon.cycles();
      expect(cycles.length).toBeGreaterThanOrEqual(4);
      expect(cycles.map(({ missed }) => missed)).toEqual(cycles.map(() => 0));
      expect(Math.abs(Date.parse(cycles[0]?.slot ?? '') - Date.now())).toBeLessThan(MINUTE_MS);
      await expectOrderlySlots(daemon);
      await expectOneSignalEach(daemon);
      expect(await daemon.isReady()).toBe(true);
      const { held, theirs } = await candlesOf(daemon, exchange, 'BTCUSDT');
      expect(held).toEqual(theirs);
      expect(await daemon.stop()).toMatchObject({ code: 0 });
    });
  });
});

/** The library for programs with threads, or null. */
function findFaketime(): string | null {
  const { status, stdout } = spawnSync('sh', ['-c', 'ls /usr/lib/*/faketime/libfaketimeMT.so.1'], { encoding: 'utf8' });
  return status === 0 ? (stdout.trim().split('\n')[0] ?? null) : null;
}

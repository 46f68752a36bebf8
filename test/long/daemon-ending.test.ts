import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from '../support/cli.js';
import { DaemonProcess, endDaemons, FIXTURES, readyDaemon } from '../support/daemon.js';
import { signalLines } from '../support/signals.js';
import { afterSlot, type Exchange, startExchange, statusOf, until } from '../support/surroundings.js';

const SYMBOLS = 40;
/** Of them have hours without a trade, and no signal then. */
const QUIET_SYMBOLS = 1;
const PULSE = [`analyzers.paths=[${join(FIXTURES, 'pulse.mjs')}]`, 'analyzers.enabled=[pulse]'];
const SPINS = [`analyzers.paths=[${join(FIXTURES, 'spins.mjs')}]`, 'analyzers.enabled=[spins]', 'analyzers.budget=1h'];

/** A client that asks for much, again and again, and reads nothing. */
async function deafClient(daemon: DaemonProcess): Promise<{ destroy(): void }> {
  const { port } = new URL(await daemon.url());
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  const request = 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(request.repeat(200));
  return socket;
}

/** What was shown as final before is on disk, and everything there is whole. */
function expectSaved(dataDir: string, shown: readonly { id: string; confirmedAt: string | null }[]): void {
  const lines = signalLines(dataDir);
  expect(lines).not.toContain(null);
  const saved = new Set(lines.map((line) => line?.id));
  expect(shown.filter(({ confirmedAt, id }) => confirmedAt !== null && !saved.has(id))).toEqual([]);
}

describe.skipIf(!existsSync(MAIN))('the end of a daemon (skipped unless the program is built)', () => {
  let exchange: Exchange;

  beforeAll(async () => {
    exchange = await startExchange('--symbols', String(SYMBOLS), '--weight-limit', '100000');
  });
  afterAll(async () => {
    await endDaemons();
    await exchange?.stop();
  });

  it.concurrent.each([
    ['SIGTERM', (daemon: DaemonProcess) => daemon.kill('SIGTERM')],
    ['SIGINT', (daemon: DaemonProcess) => daemon.kill('SIGINT')],
    ["the message 'shutdown'", (daemon: DaemonProcess) => daemon.child.send('shutdown')],
  ])('P3: ends with 0 within 5 s of %s in the middle of a cycle, and nothing shown is lost', async (_, ask) => {
    const daemon = await readyDaemon({ exchange, set: PULSE });
    await daemon.midCycle();
    const shown = await daemon.signals();
    const port = Number(new URL(await daemon.url()).port);
    const begunMs = performance.now();
    ask(daemon);
    await daemon.line('stopping');
    expect(await statusOf(port, '/readyz')).not.toBe(200);
    const exit = await daemon.exited;
    expect(exit).toMatchObject({ code: 0, signal: null });
    expect(exit.atMs - begunMs).toBeLessThan(5_000);
    expect(daemon.log.at(-1)?.msg).toBe('stopped');
    expect(shown.length).toBeGreaterThanOrEqual(2 * (SYMBOLS - QUIET_SYMBOLS));
    expectSaved(daemon.dataDir, shown);
  });

  it('P3: stops within 5 s between two cycles, each time', async ({ annotate }) => {
    const first = await readyDaemon({ exchange, set: PULSE });
    await first.stop();
    const { dataDir } = first;
    const tookMs: number[] = [];
    for (let time = 0; time < 5; time++) {
      const daemon = await readyDaemon({ exchange, set: PULSE, dataDir });
      const exit = await daemon.stop();
      expect(exit).toMatchObject({ code: 0 });
      tookMs.push(exit.tookMs);
    }
    tookMs.sort((a, b) => a - b);
    await annotate(`clean stop: median ${Math.round(tookMs[2] ?? 0)} ms, at most ${Math.round(tookMs[4] ?? 0)} ms`);
    expect(tookMs[4]).toBeLessThan(5_000);
  });

  it.concurrent('P4: ends after 8 s, with another code than 0, while the exchange hangs, an analyzer spins and a client does not read', async () => {
    const hanging = await startExchange('--symbols', '40');
    try {
      const before = await readyDaemon({ exchange: hanging, set: PULSE });
      const shown = await before.signals();
      const { dataDir } = before;
      await before.stop();
      const stuck = new DaemonProcess({ exchange: hanging, set: SPINS, dataDir });
      await stuck.line('warmed up');
      await hanging.fault([{ path: ['klines', 'exchangeInfo', 'time'], action: { type: 'noHeaders' } }]);
      const client = await deafClient(stuck);
      await sleep(500);
      const exit = await stuck.stop();
      client.destroy();
      expect(exit).toMatchObject({ code: 1, signal: null });
      expect(exit.tookMs).toBeGreaterThan(7_500);
      expect(exit.tookMs).toBeLessThan(9_500);
      expectSaved(dataDir, shown);
    } finally {
      await hanging.stop();
    }
  });

  it.concurrent('P4: is ended after 8 s when the disk does not answer, with another code than 0', async () => {
    const daemon = await readyDaemon({ exchange, set: PULSE, mishaps: true });
    const shown = await daemon.signals();
    daemon.mishap('hang-disk');
    await afterSlot(3_500);
    const exit = await daemon.stop();
    expect(exit).toMatchObject({ code: 1, signal: null });
    expect(exit.tookMs).toBeGreaterThan(7_500);
    expect(exit.tookMs).toBeLessThan(9_500);
    expect(daemon.linesOf('the process ends at once')).toMatchObject([{ level: 60, why: 'it took too long' }]);
    const again = await readyDaemon({ exchange, set: PULSE, dataDir: daemon.dataDir });
    await again.stop();
    expectSaved(daemon.dataDir, shown);
  });

  it.concurrent('P4: ends at once at a second signal', async () => {
    const daemon = await readyDaemon({ exchange, set: PULSE, mishaps: true });
    daemon.mishap('hang-disk');
    await afterSlot(3_500);
    daemon.kill('SIGTERM');
    await daemon.line('stopping');
    await sleep(300);
    const exit = await daemon.stop('SIGTERM');
    expect(exit).toMatchObject({ code: 1, signal: null });
    expect(exit.tookMs).toBeLessThan(1_000);
  });

  it.concurrent('P9: an analyzer that throws, a reader that throws and clients that reset take nothing else with them', async () => {
    const set = [`analyzers.paths=[${join(FIXTURES, 'throws.mjs')},${join(FIXTURES, 'pulse.mjs')}]`];
    const daemon = await readyDaemon({ exchange, set: [...set, 'analyzers.enabled=[throws, pulse]'], mishaps: true });
    expect((await daemon.signals()).map(({ analyzer }) => analyzer)).toContain('pulse');
    expect(await daemon.metric('analyzer_failures_total{analyzer="throws"')).toBeGreaterThan(0);
    daemon.mishap('break-memory-usage');
    const port = Number(new URL(await daemon.url()).port);
    for (let client = 0; client < 50; client++) {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write('GET /api/v1/signals HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
        socket.resetAndDestroy();
      });
      socket.on('error', () => undefined);
    }
    await sleep(1_500);
    expect([200, 500]).toContain((await daemon.get('/metrics')).status);
    expect(await daemon.isReady()).toBe(true);
    const slot = (await daemon.cycles())[0]?.slot;
    await until('the next cycle', 75_000, async () => (await daemon.cycles())[0]?.slot !== slot);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
    expect(daemon.log.filter(({ level }) => level >= 60)).toEqual([]);
  });

  it.each(['throw', 'reject', 'emit'] as const)(
    'P9: an error that nobody expected (%s) ends the process within 1 s, said in its log, and the next start is fine',
    async (mishap) => {
      const daemon = await readyDaemon({ exchange, set: PULSE, mishaps: true });
      const shown = await daemon.signals();
      const begunMs = performance.now();
      daemon.mishap(mishap);
      const exit = await daemon.exited;
      expect(exit).toMatchObject({ code: 1, signal: null });
      expect(exit.atMs - begunMs).toBeLessThan(1_000);
      expect(daemon.log.at(-1)).toMatchObject({
        level: 60,
        err: { message: expect.any(String), stack: expect.any(String) },
      });
      const again = await readyDaemon({ exchange, set: PULSE, dataDir: daemon.dataDir });
      const known = new Set((await again.signals()).map(({ id }) => id));
      expect(shown.filter(({ id }) => !known.has(id))).toEqual([]);
      expect(await again.stop()).toMatchObject({ code: 0 });
      expectSaved(daemon.dataDir, shown);
    },
  );

  it('S13: SIGUSR1 lets no debugger in', async () => {
    const daemon = await readyDaemon({ exchange });
    daemon.kill('SIGUSR1');
    await sleep(500);
    expect(await statusOf(9229, '/json/version')).toBeNull();
    expect(daemon.lines.join('\n')).not.toContain('Debugger listening');
    expect(await daemon.isReady()).toBe(true);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.js';
import { seededRandom } from '../../src/lib/random.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { parentGone, runSim, type SimProcess, startSimProcess } from '../../src/sim/process.js';
import { FakeClock } from '../support/fake-clock.js';
import { fetchRaw, NOW } from '../support/sim.js';

const DIST = new URL('../../build/', import.meta.url);
const MAIN = fileURLToPath(new URL('main.js', DIST));
const PARENT = fileURLToPath(new URL('../support/sim-parent.mjs', import.meta.url));

let started: SimProcess | null = null;
let parent: ChildProcess | null = null;
afterEach(async () => {
  await started?.stop();
  parent?.kill('SIGKILL');
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function goneAfter(pid: number): Promise<void> {
  while (alive(pid)) await delay(10);
}

const child = (argv: readonly string[], startDeadlineMs?: number) =>
  startSimProcess({ argv, clock: systemClock, ...(startDeadlineMs === undefined ? {} : { startDeadlineMs }) });

describe('the embedded exchange as a process', () => {
  it('announces its addresses, serves, and is gone after stop, which may be called again', async () => {
    started = await child([MAIN, 'sim', '--symbols', '5', '--seed', '3']);
    expect(started.streamUrl).toBe(started.restUrl.replace('http', 'ws'));
    const info = (await fetchRaw(`${started.restUrl}/fapi/v1/exchangeInfo`)).json as { symbols: unknown[] };
    expect(info.symbols.length).toBeGreaterThan(5);
    expect(alive(started.pid)).toBe(true);
    await Promise.all([started.stop(), started.stop()]);
    expect(alive(started.pid)).toBe(false);
  });

  it('dies with its parent, also when that is killed', async () => {
    parent = spawn(process.execPath, [PARENT, DIST.href, MAIN, 'sim', '--symbols', '5'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const { pid, restUrl } = JSON.parse(line.toString()) as { pid: number; restUrl: string };
    expect((await fetchRaw(`${restUrl}/fapi/v1/ping`)).status).toBe(200);
    parent.kill('SIGKILL');
    await goneAfter(pid);
    await expect(fetchRaw(`${restUrl}/fapi/v1/ping`)).rejects.toThrow('ECONNREFUSED');
  });

  it('fails with what the child said when it ends instead of starting', async () => {
    const code = 'process.stderr.write("no such thing\\n"); process.exitCode = 3;';
    await expect(child(['-e', code])).rejects.toThrow('the embedded exchange ended with code 3: no such thing');
  });

  it('fails, and leaves no child, when the child does not announce itself in time', async () => {
    const silent =
      'process.stderr.write(String(process.pid)); process.on("disconnect", () => process.exit()); setInterval(() => {}, 1e9)';
    const error = (await child(['-e', silent], 1_500).catch((reason: Error) => reason)) as Error;
    const [, pid] = /did not start within 1500 ms: (\d+)$/.exec(error.message) ?? [];
    expect(alive(Number(pid))).toBe(false);
  });

  it('fails when the first line is no announcement', async () => {
    await expect(
      child(['-e', 'console.log("hello"); process.on("disconnect", () => process.exit())']),
    ).rejects.toThrow();
  });
});

describe('runSim', () => {
  const options = {
    market: seededMarket({ symbols: 2, now: NOW }),
    clock: new FakeClock(NOW),
    random: seededRandom(1),
  };
  const listening = async (stdout: PassThrough) => {
    const [line] = (await once(stdout, 'data')) as [Buffer];
    expect(line.toString()).toMatch(
      /^\{"restUrl":"http:\/\/127\.0\.0\.1:\d+","streamUrl":"ws:\/\/127\.0\.0\.1:\d+"\}\n$/,
    );
    return (JSON.parse(line.toString()) as { restUrl: string }).restUrl;
  };

  it('runs until its signal', async () => {
    const stdout = new PassThrough();
    const stop = new AbortController();
    const run = runSim(options, { stdout, signal: stop.signal });
    const url = await listening(stdout);
    stop.abort();
    await run;
    await expect(fetchRaw(`${url}/fapi/v1/ping`)).rejects.toThrow('ECONNREFUSED');
  });

  it('runs until its parent is gone', async () => {
    const stdout = new PassThrough();
    const link = Object.assign(new EventEmitter(), { connected: true });
    const onParentGone = parentGone(link);
    const run = runSim(options, {
      stdout,
      signal: new AbortController().signal,
      ...(onParentGone === undefined ? {} : { onParentGone }),
    });
    await listening(stdout);
    link.emit('disconnect');
    await run;
  });

  it('knows no parent without a channel, and sees one that is gone already', () => {
    expect(parentGone(new EventEmitter())).toBeUndefined();
    let gone = false;
    parentGone(Object.assign(new EventEmitter(), { connected: false }))?.(() => (gone = true));
    expect(gone).toBe(true);
  });
});

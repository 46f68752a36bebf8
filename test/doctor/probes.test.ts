import { mkdirSync, mkdtempSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { probeExchange, probeStream } from '../../src/doctor/exchange-probe.js';
import { openFilesLimit, probeDirectory, probeDisk } from '../../src/doctor/file-probes.js';
import { tryBind, tryConnect } from '../../src/doctor/socket-probes.js';
import { systemClock } from '../../src/lib/clock.js';
import { seededRandom } from '../../src/lib/random.js';
import { writeHold } from '../../src/pipeline/exchange/hold-file.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { type Sim, type SimOptions, startSim } from '../../src/sim/server.js';

const temporary = () => mkdtempSync(join(tmpdir(), 'candlescan-doctor-'));

describe('the probe of a directory', () => {
  it('writes into a directory that exists, and leaves nothing there', async () => {
    const dir = temporary();
    expect(await probeDirectory(dir)).toEqual({
      nearest: dir,
      error: null,
      stat: { mode: statSync(dir).mode, uid: statSync(dir).uid },
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('removes what a probe left that was killed a while ago, and no other', async () => {
    const dir = temporary();
    for (const name of ['.doctor-killed', '.doctor-at-work', 'killed']) mkdirSync(join(dir, name));
    const old = new Date(systemClock.now() - 120_000);
    for (const name of ['.doctor-killed', 'killed']) utimesSync(join(dir, name), old, old);
    expect(await probeDirectory(dir)).toMatchObject({ error: null });
    expect(readdirSync(dir).sort()).toEqual(['.doctor-at-work', 'killed']);
  });

  it('tries the nearest directory above one that is missing, and does not create it', async () => {
    const dir = temporary();
    expect(await probeDirectory(join(dir, 'a', 'b'))).toEqual({ nearest: dir, error: null, stat: null });
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each([[''], ['data'], ['deep/data']])('says that a file stands in the way of %j', async (below) => {
    const file = join(temporary(), 'file');
    writeFileSync(file, '');
    expect(await probeDirectory(join(file, below))).toMatchObject({ error: { code: 'ENOTDIR' } });
  });

  it.skipIf(process.getuid?.() === 0)('says that it may not write (skipped for root)', async () => {
    const dir = join(temporary(), 'locked');
    mkdirSync(dir, { mode: 0o500 });
    expect(await probeDirectory(join(dir, 'data'))).toMatchObject({ nearest: dir, error: { code: 'EACCES' } });
  });
});

describe('the probes of the machine', () => {
  it('know the room on the disk of a directory that is to be created', async () => {
    const { freeBytes, freeFiles } = await probeDisk(join(temporary(), 'a', 'b'));
    expect(freeBytes).toBeGreaterThan(0);
    expect(freeFiles === null || freeFiles > 0).toBe(true);
  });

  it.skipIf(process.platform === 'win32')('know how many files may be open', async () => {
    expect(await openFilesLimit()).toBeGreaterThan(2);
  });
});

describe('the probes of sockets', () => {
  const server = createServer((socket) => socket.on('error', () => undefined));
  const listening = () =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });

  it('tell a port that is taken from one that is free, and take neither', async () => {
    const port = await listening();
    expect(await tryBind('127.0.0.1', port)).toBe('EADDRINUSE');
    expect(await tryConnect(new URL(`http://127.0.0.1:${port}/secret?x`), systemClock)).toBeNull();
    await new Promise((resolve) => server.close(resolve));
    expect(await tryBind('127.0.0.1', port)).toBeNull();
    expect(await tryBind('127.0.0.1', port)).toBeNull();
    expect(await tryConnect(new URL(`http://127.0.0.1:${port}`), systemClock)).toBe('ECONNREFUSED');
  });

  it('tell an address that this machine does not have', async () => {
    expect(await tryBind('192.0.2.1', 0)).toBe('EADDRNOTAVAIL');
  });
});

describe('the probe of the exchange', () => {
  let sim: Sim | null = null;
  afterEach(async () => {
    await sim?.stop();
    sim = null;
  });

  async function exchange(options: Partial<SimOptions> = {}): Promise<Sim> {
    const market = seededMarket({ symbols: 20, seed: 5, now: systemClock.now() });
    sim = await startSim({ market, clock: systemClock, random: seededRandom(1), ...options });
    return sim;
  }

  function patient({ restUrl, streamUrl }: Sim, ...set: string[]) {
    const { config } = loadConfig({ set: [`dataDir=${temporary()}`, 'exchange.requestTimeout=2s', ...set] });
    return { config, restUrl, streamUrl, clock: systemClock, random: seededRandom(2) };
  }

  it('finds the markets, the limit and the clock for a weight of 2', async () => {
    const running = await exchange({ weightLimit: 1_200 });
    const facts = await probeExchange(patient(running));
    expect(facts).toMatchObject({ url: running.restUrl, weightLimit: 1_200 });
    expect(facts.symbols).toHaveLength(20);
    expect(facts.listed).toBeGreaterThan(20);
    expect(Math.abs(facts.skewMs)).toBeLessThan(1_000);
    expect(running.stats().total).toBe(2);
  });

  it('asks for volumes only when the filters need them, whatever share of the budget is configured', async () => {
    const running = await exchange();
    const facts = await probeExchange(patient(running, 'universe.maxSymbols=3', 'exchange.weightShare=0.001'));
    expect(facts.symbols).toHaveLength(3);
    expect(running.stats().total).toBe(3);
  });

  it('sends nothing while the exchange refuses our address', async () => {
    const running = await exchange();
    const options = patient(running);
    const until = systemClock.now() + 600_000;
    writeHold(join(options.config.dataDir, 'exchange-hold.json'), {
      exchange: running.restUrl,
      until,
      reason: 'banned',
    });
    await expect(probeExchange(options)).rejects.toMatchObject({
      kind: 'banned',
      message: `refuses requests from this address until ${new Date(until).toISOString()}; nothing was sent`,
    });
    expect(running.stats().total).toBe(0);
  });

  it('says what an exchange that is ill answers', async () => {
    const running = await exchange({ faults: [{ action: { type: 'forbidden' } }] });
    await expect(probeExchange(patient(running))).rejects.toMatchObject({ kind: 'unavailable', status: 403 });
  });

  it('takes data, and nothing else, for a living stream', async () => {
    const running = await exchange();
    const { symbols } = await probeExchange(patient(running));
    const { url, firstFrameMs } = await probeStream(patient(running), symbols);
    expect(url).toBe(running.streamUrl);
    expect(firstFrameMs).toBeGreaterThan(0);
  });

  it('says why there is no stream', async () => {
    const running = await exchange();
    const nowhere = { ...patient(running), streamUrl: 'ws://127.0.0.1:9' };
    await expect(probeStream(nowhere, ['BTCUSDT'])).rejects.toThrow(/^ws:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/);
  });
});

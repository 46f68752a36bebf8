import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { StreamStats } from '../../src/pipeline/stream/contract.js';
import type { SimProcess } from '../../src/sim/process.js';
import type { SimStats } from '../../src/sim/stats.js';
import { candlescan, temporaryDir } from '../support/cli.js';
import { type DaemonOptions, DaemonProcess, endDaemons } from '../support/daemon.js';
import { simProcess, until } from '../support/surroundings.js';

const QUICK = { CANDLESCAN_TIMEFRAMES: '[1m, 3m]', CANDLESCAN_ANALYZERS__WORKERS: '1' };
const WITHIN_MS = 30_000;

let sim: SimProcess;

beforeAll(async () => {
  sim = await simProcess('--symbols', '5', '--latency-ms', '0');
});

afterEach(endDaemons);

afterAll(() => sim?.stop());

const start = (options: Partial<DaemonOptions> = {}) =>
  new DaemonProcess({ exchange: sim, plain: true, ...options, env: { ...QUICK, ...options.env } });

/** The same by the environment alone. */
const placeEnv = (port: string) => ({
  ...QUICK,
  CANDLESCAN_EXCHANGE__REST_URL: sim.restUrl,
  CANDLESCAN_EXCHANGE__STREAM_URL: sim.streamUrl,
  CANDLESCAN_SERVER__PORT: port,
  CANDLESCAN_DATA_DIR: temporaryDir(),
});

describe('run', () => {
  it('scans, serves, keeps others out of its data directory, reads its configuration again, and ends with 0', async () => {
    const file = join(temporaryDir(), 'own.yaml');
    writeFileSync(file, 'log:\n  level: info\n');
    const daemon = start({ args: ['--config', file] });
    await daemon.ready(WITHIN_MS);
    expect(await daemon.json('/api/v1/status')).toMatchObject({ ready: true, symbols: 5, timeframes: ['1m', '3m'] });
    expect(await daemon.json('/api/v1/candles/BTCUSDT/1m?limit=2')).toMatchObject({ candles: [{}, {}] });

    const { port } = new URL(await daemon.url());
    const second = await candlescan(['run'], { ...placeEnv(port), CANDLESCAN_DATA_DIR: daemon.dataDir });
    expect(second).toMatchObject({ code: 75, stdout: '' });

    writeFileSync(file, 'log:\n  level: debug\ncandles:\n  lookback: 400\n');
    daemon.kill('SIGHUP');
    await daemon.line('read the configuration again', WITHIN_MS);
    expect(daemon.stderr()).toContain('"changed":["log.level"],"needsRestart":["candles.lookback"]');

    expect((await daemon.stop()).code, daemon.stderr()).toBe(0);
    expect(daemon.stderr()).not.toMatch(/"level":[56]0/);
  });

  it('follows a changed universe without a new connection, and asks for no candle that it has', async () => {
    // No slot of a day comes up meanwhile, and 60 candles are one request: whatever is asked for, the change asked for it.
    const env = {
      CANDLESCAN_TIMEFRAMES: '[1d]',
      CANDLESCAN_CANDLES__LOOKBACK: '60',
      CANDLESCAN_CANDLES__FIRST_LOOK: '60',
    };
    const file = join(temporaryDir(), 'own.yaml');
    const exclude = (symbols: string) => writeFileSync(file, `universe:\n  exclude: [${symbols}]\n`);
    exclude('');
    const daemon = start({ env, args: ['--config', file] });
    await daemon.ready(WITHIN_MS);
    const symbols = async () => (await daemon.json<{ items: { symbol: string }[] }>('/api/v1/symbols')).items;
    const klines = async () => {
      const { requests } = (await (await fetch(`${sim.restUrl}/sim/stats`)).json()) as SimStats;
      return requests['/fapi/v1/klines'];
    };
    const stream = async () => (await daemon.json<{ stream: StreamStats }>('/api/v1/status')).stream;
    const confirmed = async (count: number) =>
      await until('subscribed', WITHIN_MS, async () => (await stream()).streams.confirmed === count);
    await confirmed(5);
    const [before, asked, { connects, reconnects }] = [await symbols(), await klines(), await stream()];

    const [gone, ...kept] = before;
    exclude(gone?.symbol ?? '');
    daemon.kill('SIGHUP');
    await until('gone', WITHIN_MS, async () => (await symbols()).length === 4);
    expect(daemon.stderr()).toContain('"changed":["universe.exclude"],"needsRestart":[]');
    expect(await symbols()).toEqual(kept);
    await confirmed(4);
    expect((await daemon.get(`/api/v1/candles/${gone?.symbol}/1d`)).status).toBe(404);

    exclude('');
    daemon.kill('SIGHUP');
    await until('back', WITHIN_MS, async () => (await symbols()).length === 5);
    expect((await symbols()).filter(({ symbol }) => symbol !== gone?.symbol)).toEqual(kept);
    await confirmed(5);
    expect([await klines(), await stream()]).toMatchObject([asked, { connects, reconnects }]);
    expect((await daemon.stop()).code, daemon.stderr()).toBe(0);
  });

  it('starts with the analyzers that it has when a module of others is broken', async () => {
    const broken = join(temporaryDir(), 'broken.mjs');
    writeFileSync(broken, 'export default 1;');
    const daemon = start({ env: { CANDLESCAN_ANALYZERS__PATHS: `[${broken}, ${broken}.missing]` } });
    await daemon.ready(WITHIN_MS);
    expect(daemon.stderr()).toContain('a module of analyzers is left out');
    const metrics = await (await daemon.get('/metrics')).text();
    expect(metrics).toMatch(/^candlescan_analyzer_modules_refused 2$/m);
    expect((await daemon.stop()).code, daemon.stderr()).toBe(0);
  });

  it('ends with 0 while it still waits for the first word of the exchange', async () => {
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    onTestFinished(() => mute.close().closeAllConnections());
    const asked = once(mute, 'request');
    const restUrl = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const daemon = start({ exchange: { ...sim, restUrl } });
    await asked;
    await until('served', WITHIN_MS, async () => (await daemon.get('/readyz')).status === 503);
    expect((await daemon.stop()).code, daemon.stderr()).toBe(0);
    expect(daemon.stderr()).not.toMatch(/"level":[456]0/);
  });

  it('goes on trying while the exchange is not there, and says so', async () => {
    const daemon = start({ exchange: { ...sim, restUrl: 'http://127.0.0.1:9' } });
    await daemon.line('the market could not be opened', WITHIN_MS);
    expect((await daemon.get('/healthz')).status).toBe(200);
    expect(await (await daemon.get('/readyz')).text()).toContain('127.0.0.1:9');
    expect((await daemon.stop()).code, daemon.stderr()).toBe(0);
  });

  it('P6: ends with 78 and one line for a wrong configuration, before anything is served or locked', async () => {
    const run = await candlescan(['run', '--set', 'cycle.deadline=1s']);
    expect(run).toMatchObject({ code: 78, stdout: '' });
    expect(run.stderr.trim().split('\n')).toEqual([expect.stringMatching(/cycle\.deadline.*found.*1s.*allowed/)]);
  });

  it('ends with 78 when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const run = await candlescan(['run'], placeEnv(String(port)));
    expect(run.code, run.stderr).toBe(78);
    expect(run.stderr).toMatch(/server\.port.*found/);
  });
});

import { describe, expect, it, onTestFinished } from 'vitest';
import { ResultCache } from '../../src/cache/results.js';
import { loadConfig } from '../../src/config/load.js';
import { Instruments } from '../../src/daemon/instruments.js';
import type { DaemonOptions, Parts } from '../../src/daemon/parts.js';
import { RunningDaemon } from '../../src/daemon/running.js';
import { Settings } from '../../src/daemon/settings.js';
import { ExchangeError } from '../../src/domain/errors.js';
import { Releasers } from '../../src/lib/releasers.js';
import type { RequestLimits, RequestOptions } from '../../src/pipeline/exchange/contract.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { temporaryDir } from '../support/cache.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { silentLog } from '../support/silent-log.js';
import { deferred, MUTE, turns } from '../support/slots.js';

/** An exchange that does not answer before the signal fires. */
const mute = ({ signal }: RequestOptions) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

interface Opening {
  readonly exchangeInfo?: Parts['client']['exchangeInfo'];
  readonly replace?: () => Promise<void>;
  readonly synchronized?: Promise<void>;
  readonly memoryProbe?: DaemonOptions['memoryProbe'];
}

async function open({
  exchangeInfo = mute,
  replace = async () => {},
  synchronized = Promise.resolve(),
  memoryProbe = () => ({ rssBytes: 1 }),
}: Opening = {}) {
  const clock = new FakeClock();
  const releasers = new Releasers();
  const released: string[] = [];
  releasers.push(() => void released.push('parts'));
  const read = { set: [`dataDir=${temporaryDir()}`, 'server.port=0'] };
  const loaded = loadConfig(read);
  const limits: RequestLimits[] = [];
  const governor = new WeightGovernor({ clock, random: () => 0.5, share: 0.8 });
  const parts = {
    settings: new Settings(loaded),
    governor,
    client: { exchangeInfo, serverTime: mute, reconfigure: (to: RequestLimits) => void limits.push(to) },
    analyzers: { analyzers: [], replace },
    time: { keeper: { exchangeNow: () => clock.now(), synchronized }, exchangeClock: clock },
    signals: MUTE,
    results: new ResultCache({ maxEntries: 10 }),
    instruments: new Instruments(governor, { version: '1.2.3', timeframes: ['5m'] }),
  } as unknown as Parts;
  const config = { set: read.set };
  const restarts: number[] = [];
  const options = {
    loaded,
    version: '1.2.3',
    clock,
    random: () => 0.999,
    log: silentLog(),
    readConfig: () => loadConfig(config),
    onRestartWanted: () => void restarts.push(clock.now()),
    memoryProbe,
  } as unknown as DaemonOptions;
  const daemon = new RunningDaemon(options, parts, releasers);
  onTestFinished(() => daemon.stop());
  await daemon.open();
  const reconfigure = (...more: string[]) => {
    config.set = [...read.set, ...more];
  };
  return { daemon, clock, governor, limits, released, restarts, reconfigure };
}

describe('RunningDaemon', () => {
  it('serves while the exchange is silent, and stops all the same, leaving no timer', async () => {
    const { daemon, clock, governor, released } = await open();
    const readyz = await fetch(`${daemon.url}/readyz`);
    expect(readyz.status).toBe(503);
    expect(await readyz.json()).toMatchObject({ reasons: [{ reason: 'starting', detail: 'no cycle has ended yet' }] });
    await Promise.all([daemon.stop(), daemon.stop()]);
    await governor.stop();
    expect(released).toEqual(['parts']);
    expect(clock.pendingTimers).toBe(0);
    expect(daemon.unready().map(({ reason }) => reason)).toEqual(['stopping']);
    await expect(fetch(`${daemon.url}/healthz`)).rejects.toThrow();
  });

  it('says what keeps it from starting, and tries again', async () => {
    let asked = 0;
    const { daemon, clock } = await open({
      exchangeInfo: async () => {
        asked += 1;
        throw new ExchangeError('unreachable', 'connection refused');
      },
    });
    await turns();
    expect(daemon.unready()).toEqual([{ reason: 'starting', detail: 'connection refused' }]);
    await clock.advance(10_000);
    expect(asked).toBeGreaterThan(2);
  });

  it('waits for the time of the exchange, and stops all the same', async () => {
    const info = { instruments: [], weightLimit: 2_400, dropped: 0, repliedAt: new FakeClock().now() - 500 };
    const { daemon, clock, governor } = await open({
      exchangeInfo: async () => info,
      synchronized: new Promise(() => {}),
    });
    await clock.advance(10_000);
    expect(daemon.unready()).toEqual([{ reason: 'starting', detail: 'no cycle has ended yet' }]);
    await daemon.stop();
    await governor.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('refuses candles beyond its limit of memory, all but supervisors far beyond it, and nothing below it again', async () => {
    const memory = { share: 0.5 };
    const { daemon, clock, restarts } = await open({ memoryProbe: () => ({ rssBytes: memory.share * 2 ** 30 }) });
    const status = async (path: string) => (await fetch(`${daemon.url}${path}`)).status;
    const use = async (share: number) => {
      memory.share = share;
      await clock.advance(20_000);
      const [candles, cycles, health] = await Promise.all(
        ['/api/v1/candles/BTCUSDT/5m', '/api/v1/cycles', '/healthz'].map(status),
      );
      const shown = (await (await fetch(`${daemon.url}/api/v1/status`)).json()) as { memory: object };
      return { candles, cycles, health, memory: shown.memory };
    };
    // There is no market, and so are no candles.
    expect(await use(0.9)).toMatchObject({ candles: 404, cycles: 200, memory: { level: 1, entered: { 1: 1 } } });
    expect(await use(1.1)).toMatchObject({ candles: 503, cycles: 200, memory: { level: 2, limitBytes: 2 ** 30 } });
    expect(restarts).toEqual([]);
    expect(await use(1.3)).toMatchObject({ candles: 503, cycles: 503, health: 200, memory: { level: 3 } });
    expect(restarts).toHaveLength(1);
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toMatch(/^candlescan_memory_pressure_level 3$/m);
    expect(metrics).toMatch(/^candlescan_memory_pressure_entered_total\{level="2"\} 1$/m);
    expect(metrics).toMatch(/^candlescan_http_requests_shed_total 3$/m);
    expect(await (await fetch(`${daemon.url}/readyz`)).json()).toMatchObject({ ready: false, memoryPressure: 3 });
    expect(await use(0.5)).toMatchObject({ candles: 404, cycles: 200, memory: { level: 0 } });
  });

  it('reads its configuration again one time after the other', async () => {
    const gates = [deferred(), deferred()];
    let begun = 0;
    const { daemon, reconfigure } = await open({ replace: () => gates[begun++]?.promise ?? Promise.resolve() });
    reconfigure('analyzers.budget=1s');
    const first = daemon.reload();
    await settled();
    reconfigure('analyzers.budget=3s');
    const second = daemon.reload();
    await settled();
    expect(begun).toBe(1);
    gates[0]?.resolve();
    await first;
    await settled();
    expect(begun).toBe(2);
    gates[1]?.resolve();
    expect(await second).toEqual({ ok: true, changed: ['analyzers.budget'], needsRestart: [] });
  });

  it('puts another configuration into effect while the exchange is silent and there is no market yet', async () => {
    const memoryProbe = () => ({ rssBytes: 65 * 2 ** 20 });
    const { daemon, clock, governor, limits, reconfigure } = await open({ memoryProbe });
    reconfigure(
      'cache.l1MaxSize=1MiB',
      'memory.limit=64MiB',
      'exchange.weightShare=0.25',
      'exchange.requestTimeout=2s',
    );
    expect(await daemon.reload()).toMatchObject({ ok: true, needsRestart: [] });
    expect(governor.budget).toBe(600);
    expect(limits).toEqual([{ requestTimeoutMs: 2_000, window: 192 }]);
    await clock.advance(1_000);
    expect(await (await fetch(`${daemon.url}/metrics`)).text()).toMatch(/^candlescan_memory_pressure_level 2$/m);
  });

  it('waits at its end for a configuration that is being put in place, and takes no other', async () => {
    const gate = deferred();
    const { daemon, released, reconfigure } = await open({ replace: () => gate.promise });
    reconfigure('analyzers.budget=1s');
    const reloaded = daemon.reload();
    await settled();
    const stopped = daemon.stop();
    const late = daemon.reload();
    await turns();
    expect(released).toEqual([]);
    gate.resolve();
    expect(await reloaded).toMatchObject({ ok: true });
    expect(await late).toEqual({ ok: false, reason: 'the process is about to end' });
    await stopped;
    expect(released).toEqual(['parts']);
  });
});

import { describe, expect, it } from 'vitest';
import type * as z from 'zod/mini';
import { loadConfig } from '../../src/config/load.js';
import type { Analyzers } from '../../src/daemon/analyzers.js';
import type { Instruments } from '../../src/daemon/instruments.js';
import type { Market } from '../../src/daemon/market.js';
import { cycleItem, serverPorts } from '../../src/daemon/ports.js';
import type { UnreadyReason } from '../../src/daemon/readiness.js';
import type { Scanning } from '../../src/daemon/scanning.js';
import { Settings } from '../../src/daemon/settings.js';
import type { MemoryGuardStats } from '../../src/lib/memory-guard.js';
import { createRegistry } from '../../src/lib/metrics.js';
import { CycleHistory } from '../../src/scheduler/cycle-history.js';
import type { CycleRecord } from '../../src/scheduler/cycle-record.js';
import { outputs } from '../../src/server/output.js';
import { finding, openStore, signalsDir, update } from '../support/signals.js';
import { analyzerInfo, SLOT, SlotRig, seriesAt } from '../support/slots.js';
import { instrument } from '../support/universe.js';

const MEMORY: MemoryGuardStats = {
  level: 2,
  limitBytes: 1_000,
  rssBytes: 1_050,
  peakRssBytes: 1_060,
  readings: 70,
  entered: { 1: 3, 2: 1, 3: 0 },
  relieverFailures: 0,
  otherFailures: 0,
};

const CHINESE = '币安人生USDT';

/** As a client gets it, if the schema lets it. */
function sent<T>(schema: z.ZodMiniType<T>, value: unknown): T {
  return schema.parse(JSON.parse(JSON.stringify(value)));
}

async function build({ isOpen = true, endpointSuspect = null as boolean | null } = {}) {
  const rig = await SlotRig.open();
  await rig.run();
  rig.store.set(seriesAt(CHINESE, '5m', 103));
  const history = new CycleHistory<CycleRecord>();
  for (const record of rig.records) history.push(record);
  const { store: signals } = await openStore(signalsDir());
  await signals.publish(update([finding(), finding({ symbol: CHINESE, timeframe: '1h', direction: 'short' })]));
  const unready: UnreadyReason[] = [];
  const market = {
    store: rig.store,
    keeper: { current: () => ({ instruments: [instrument('AUSDT'), instrument(CHINESE)], excluded: [] }) },
    symbols: () => ['AUSDT', CHINESE],
    live: endpointSuspect === null ? null : { stats: () => ({ stream: { endpointSuspect } }) },
    cache: { stats: () => ({ candlesRead: 3 }) },
    deepening: { stats: () => ({ due: 2 }) },
  } as unknown as Market;
  const scanning = { history, stats: () => ({ lastSlot: SLOT, running: false }) } as unknown as Scanning;
  const ports = serverPorts({
    version: '1.2.3',
    startedAt: SLOT,
    settings: new Settings(loadConfig({ set: ['timeframes=[5m, 1h]'] })),
    analyzers: { analyzers: [analyzerInfo('trend', { parameters: { fast: 12 } })] } as unknown as Analyzers,
    signals,
    instruments: { registry: createRegistry({ prefix: 'candlescan_' }) } as unknown as Instruments,
    market: () => (isOpen ? market : null),
    scanning: () => (isOpen ? scanning : null),
    unready: () => unready,
    memory: () => (isOpen ? MEMORY : null),
    reload: async () => ({ ok: true, changed: [], needsRestart: [] }),
  });
  return { ports, rig, unready, signals };
}

describe('serverPorts', () => {
  it('W4: tells that the data is fresh by requests alone while the endpoint of the stream is suspect', async () => {
    const degraded = async (of: Parameters<typeof build>[0]) => (await build(of)).ports.degraded();
    expect(await degraded({ endpointSuspect: true })).toMatchObject([{ reason: 'stream' }]);
    expect(await degraded({ endpointSuspect: false })).toEqual([]);
    expect(await degraded({})).toEqual([]);
    expect(await degraded({ isOpen: false })).toEqual([]);
  });

  it('shows the status as the API promises it, ready or not', async () => {
    const { ports, unready } = await build();
    const ready = sent(outputs.status, await ports.status());
    expect(ready).toMatchObject({
      version: '1.2.3',
      startedAt: '2026-01-01T12:00:00.000Z',
      timeframes: ['5m', '1h'],
      ready: true,
      reasons: [],
      symbols: 2,
      lastCycle: { slot: '2026-01-01T12:00:00.000Z', outcome: 'complete' },
      slots: { lastSlot: SLOT },
      stream: null,
      cache: { candlesRead: 3 },
      deepening: { due: 2 },
      memory: MEMORY,
    });
    expect(ports.memoryPressure()).toBe(2);
    unready.push({ reason: 'stale', detail: 'old' });
    expect(sent(outputs.status, await ports.status())).toMatchObject({ ready: false, reasons: unready });
  });

  it('shows cycles as the API promises them, the newest first', async () => {
    const { ports, rig } = await build();
    const { items } = sent(outputs.cycles, { items: ports.cycles(10), nextCursor: null });
    const [record] = rig.records;
    expect(items).toEqual([cycleItem(record as CycleRecord)]);
    expect(items[0]).toMatchObject({ startedAt: '2026-01-01T12:00:00.000Z', symbols: { total: 3, analyzed: 3 } });
    expect(ports.cycles(0)).toEqual([]);
  });

  it('shows signals as the API promises them, page by page', async () => {
    const { ports, signals } = await build();
    const first = sent(outputs.signals, await ports.signals({ limit: 1 }));
    expect(first.items).toHaveLength(1);
    const second = sent(outputs.signals, await ports.signals({ limit: 1, cursor: first.nextCursor as string }));
    expect([...first.items, ...second.items].map(({ symbol }) => symbol).sort()).toEqual(['BTCUSDT', CHINESE].sort());
    expect(first.items[0]).toMatchObject({
      price: '100.25',
      strength: 0.5,
      candleCloseTime: '2026-01-01T12:00:00.000Z',
    });
    const { id } = first.items[0] as { id: string };
    expect(sent(outputs.signal, await ports.signal(id))).toEqual(first.items[0]);
    expect(signals.get(id)).not.toBeNull();
    expect(await ports.signal('f'.repeat(32))).toBeNull();
  });

  it('says null to a cursor that is none, and does not hide other errors', async () => {
    const { ports } = await build();
    expect(await ports.signals({ limit: 1, cursor: 'nonsense' })).toBeNull();
    expect(() => ports.signals({ limit: 0 })).toThrow(/limit/);
  });

  it('shows symbols with the newest candle of each timeframe, also of series that are not held', async () => {
    const { ports } = await build();
    const { items } = sent(outputs.symbols, { items: ports.symbols(), nextCursor: null });
    expect(items).toEqual([
      {
        symbol: 'AUSDT',
        unified: 'AUSDT/USDT:USDT',
        series: [
          { timeframe: '5m', candles: 21, lastOpenTime: SLOT - 300_000 },
          { timeframe: '1h', candles: 0, lastOpenTime: null },
        ],
      },
      expect.objectContaining({ symbol: CHINESE }),
    ]);
  });

  it('shows the newest candles ascending with their sources, and null for a series that is not held', async () => {
    const { ports } = await build();
    const candles = ports.candles('AUSDT', '5m', 3);
    const { candles: items } = sent(outputs.candles, { symbol: 'AUSDT', timeframe: '5m', candles });
    expect(items.map(({ openTime, source }) => [(openTime - SLOT) / 300_000, source])).toEqual([
      [-3, 'history'],
      [-2, 'history'],
      [-1, 'stream'],
    ]);
    expect(items[2]).toMatchObject({ open: 100, high: 102, low: 99, close: 101, volume: 10 });
    expect(ports.candles('AUSDT', '1h', 3)).toBeNull();
    expect(ports.candles('NONEUSDT', '5m', 3)).toBeNull();
    expect(ports.candles('AUSDT', '5m', 10_000)).toHaveLength(21);
  });

  it('shows analyzers and metrics as the API promises them', async () => {
    const { ports } = await build();
    const { items } = sent(outputs.analyzers, { items: ports.analyzers(), nextCursor: null });
    expect(items[0]).toMatchObject({ name: 'trend', parameters: { fast: 12 }, warmup: 1, dependsOn: [] });
    expect((await ports.metrics()).body).toContain('candlescan_metrics_read_failures_total');
  });

  it('has an answer to everything while there is no market yet', async () => {
    const { ports } = await build({ isOpen: false });
    expect(sent(outputs.status, await ports.status())).toMatchObject({
      symbols: 0,
      lastCycle: null,
      slots: null,
      memory: null,
    });
    expect(ports.memoryPressure()).toBe(0);
    expect([ports.cycles(5), ports.symbols(), ports.candles('AUSDT', '5m', 5)]).toEqual([[], [], null]);
  });
});

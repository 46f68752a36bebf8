import { SOURCES } from '../domain/candle.js';
import { columnsOf } from '../domain/series.js';
import type { Timeframe } from '../domain/timeframe.js';
import type { MemoryGuardStats } from '../lib/memory-guard.js';
import type { SeriesStore } from '../pipeline/source.js';
import type { CycleRecord } from '../scheduler/cycle-record.js';
import type {
  CandleItem,
  CycleItem,
  ReloadOutcome,
  ServerPorts,
  SignalFilter,
  SymbolItem,
  UnreadyReason,
} from '../server/ports.js';
import type { SignalStore } from '../signals/contract.js';
import { QueryError } from '../signals/query.js';
import { recordReport } from '../signals/report.js';
import type { Analyzers } from './analyzers.js';
import type { Instruments } from './instruments.js';
import type { Market } from './market.js';
import { degradations } from './readiness.js';
import type { Scanning } from './scanning.js';
import type { Settings } from './settings.js';

export interface PortParts {
  readonly version: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly settings: Settings;
  readonly analyzers: Analyzers;
  readonly signals: SignalStore;
  readonly instruments: Instruments;
  readonly market: () => Market | null;
  readonly scanning: () => Scanning | null;
  readonly unready: () => readonly UnreadyReason[];
  /** Null before memory is looked at. */
  readonly memory: () => MemoryGuardStats | null;
  readonly reload: () => Promise<ReloadOutcome>;
}

/** What the parts hold, in the shape in which the server shows it. */
export function serverPorts(parts: PortParts): ServerPorts {
  const { version, startedAt, settings, analyzers, signals, instruments, market, scanning, unready } = parts;
  const { memory, reload } = parts;
  const cycles = (limit: number) => scanning()?.history.list(limit).map(cycleItem) ?? [];
  return {
    version,
    metrics: () => instruments.registry.scrape(),
    unready,
    degraded: () => degradations(market()?.live?.stats().stream ?? null),
    memoryPressure: () => memory()?.level ?? 0,
    status: () => {
      const reasons = unready();
      const { live, cache, deepening, symbols } = market() ?? {};
      return {
        version,
        exchange: settings.config.exchange.id,
        startedAt: isoTime(startedAt),
        timeframes: settings.config.timeframes,
        ready: reasons.length === 0,
        reasons,
        lastCycle: cycles(1)[0] ?? null,
        memory: memory(),
        slots: scanning()?.stats() ?? null,
        symbols: symbols?.().length ?? 0,
        stream: live?.stats().stream ?? null,
        cache: cache?.stats() ?? null,
        deepening: deepening?.stats() ?? null,
      };
    },
    cycles,
    signals: (filter) => signalPage(signals, filter),
    signal: (id) => signalItem(signals, id),
    symbols: () => symbolItems(market(), settings.config.timeframes),
    analyzers: () => analyzers.analyzers,
    candles: (symbol, timeframe, limit) => candleItems(market()?.store ?? null, symbol, timeframe, limit),
    reload,
  };
}

export function cycleItem(record: CycleRecord): CycleItem {
  return { ...record, slot: isoTime(record.slot), startedAt: isoTime(record.startedAt) };
}

/** The newest candles of a series, ascending; null when it is not held. */
function candleItems(
  store: SeriesStore | null,
  symbol: string,
  timeframe: Timeframe,
  count: number,
): readonly CandleItem[] | null {
  const series = store?.get({ symbol, timeframe });
  if (series === undefined) return null;
  const { openTime, open, high, low, close, volume, source } = columnsOf(series.window({ count }));
  return Array.from(openTime, (time, index) => ({
    openTime: time,
    open: open[index] as number,
    high: high[index] as number,
    low: low[index] as number,
    close: close[index] as number,
    volume: volume[index] as number,
    source: SOURCES[source[index] as number] as CandleItem['source'],
  }));
}

/** Null when the cursor is none of the store's. */
function signalPage(signals: SignalStore, filter: SignalFilter) {
  try {
    const { items, nextCursor } = signals.query(filter);
    return { items: items.map(recordReport), nextCursor };
  } catch (error) {
    if (error instanceof QueryError && error.parameter === 'cursor') return null;
    throw error;
  }
}

function signalItem(signals: SignalStore, id: string) {
  const record = signals.get(id);
  return record === null ? null : recordReport(record);
}

/** Every symbol that is scanned, with the newest candle of each timeframe. */
function symbolItems(market: Market | null, timeframes: readonly Timeframe[]): SymbolItem[] {
  if (market === null) return [];
  const { keeper, store } = market;
  return keeper.current().instruments.map(({ symbol, unified }) => ({
    symbol,
    unified,
    series: timeframes.map((timeframe) => {
      const series = store.get({ symbol, timeframe });
      return { timeframe, candles: series?.length ?? 0, lastOpenTime: series?.lastOpenTime ?? null };
    }),
  }));
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}

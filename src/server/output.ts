import * as z from 'zod/mini';
import { SOURCES } from '../domain/candle.js';
import { TIMEFRAMES, type Timeframe } from '../domain/timeframe.js';
import type {
  AnalyzerItem,
  CandleItem,
  CycleItem,
  MemoryItem,
  Page,
  ReloadOutcome,
  SignalItem,
  StatusItem,
  SymbolItem,
  UnreadyReason,
} from './ports.js';

// What every route returns, for the OpenAPI document. Replies are not checked against it when they are sent; that what
// the ports promise fits is checked by the compiler, through the type that each schema is declared with.

type Shape<T> = z.ZodMiniType<T>;

const instant = z.iso.datetime();
const whole = z.int().check(z.gte(0));
const timeframe = z.enum(Object.keys(TIMEFRAMES) as [Timeframe, ...Timeframe[]]);

const signal: Shape<SignalItem> = z.looseObject({
  id: z.string(),
  symbol: z.string(),
  timeframe,
  analyzer: z.string(),
  version: z.string(),
  direction: z.enum(['long', 'short']),
  strength: z.number().check(z.gte(0), z.lte(1)),
  status: z.enum(['provisional', 'confirmed', 'revoked', 'expired']),
  price: z.string(),
  candleCloseTime: instant,
  reasons: z.array(z.string()),
  inputDigest: z.string(),
});

const cycle: Shape<CycleItem> = z.looseObject({
  slot: instant,
  startedAt: instant,
  durationMs: z.number(),
  outcome: z.enum(['complete', 'partial', 'failed']),
  symbols: z.looseObject({ total: whole, analyzed: whole, skipped: whole }),
});

const candle: Shape<CandleItem> = z.strictObject({
  openTime: whole,
  open: z.number(),
  high: z.number(),
  low: z.number(),
  close: z.number(),
  volume: z.number(),
  source: z.enum(SOURCES),
});

const symbol: Shape<SymbolItem> = z.looseObject({ symbol: z.string() });

const analyzer: Shape<AnalyzerItem> = z.looseObject({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  parameters: z.record(z.string(), z.number()),
  warmup: whole,
  dependsOn: z.array(z.string()),
  origin: z.string(),
});

const memoryPressure = z.literal([0, 1, 2, 3]);

const memory: Shape<MemoryItem> = z.looseObject({ level: memoryPressure, limitBytes: whole, rssBytes: whole });

const status: Shape<StatusItem> = z.looseObject({
  version: z.string(),
  exchange: z.string(),
  startedAt: instant,
  timeframes: z.array(timeframe),
  ready: z.boolean(),
  lastCycle: z.nullable(cycle),
  memory: z.nullable(memory),
});

const reason: Shape<UnreadyReason> = z.looseObject({ reason: z.string(), detail: z.string() });

type Reloaded = Omit<Extract<ReloadOutcome, { ok: true }>, 'ok'>;
const reloaded: Shape<Reloaded> = z.strictObject({
  changed: z.array(z.string()),
  needsRestart: z.array(z.string()),
});

function page<T>(item: Shape<T>): Shape<Page<T>> {
  return z.strictObject({ items: z.array(item), nextCursor: z.nullable(z.string()) });
}

const problemMembers = {
  type: z.string(),
  title: z.string(),
  status: whole,
  detail: z.string(),
};

/** RFC 9457, with what was wrong in the request. */
const problem = z.looseObject({
  ...problemMembers,
  errors: z.optional(
    z.array(
      z.strictObject({
        in: z.enum(['query', 'path', 'body']),
        name: z.string(),
        found: z.string(),
        allowed: z.string(),
      }),
    ),
  ),
});

export const outputs = {
  problem,
  health: z.strictObject({ status: z.literal('ok'), uptimeSeconds: z.number(), version: z.string() }),
  ready: z.strictObject({ ready: z.literal(true), degraded: z.array(reason), memoryPressure }),
  notReady: z.looseObject({ ...problemMembers, ready: z.literal(false), reasons: z.array(reason), memoryPressure }),
  metrics: z.string(),
  status,
  cycles: page(cycle),
  signal,
  signals: page(signal),
  symbols: page(symbol),
  analyzers: page(analyzer),
  candles: z.strictObject({ symbol: z.string(), timeframe, candles: z.array(candle) }),
  reloaded,
  openapi: z.looseObject({ openapi: z.string() }),
};

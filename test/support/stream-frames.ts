import { type Timeframe, timeframeMs } from '../../src/domain/timeframe.js';

/** 2026-01-01T00:00:00Z, a slot of every timeframe up to a day. */
export const MIDNIGHT = Date.UTC(2026, 0, 1);
export const STEP_MS = timeframeMs('5m');

export interface KlineFields {
  readonly symbol?: string;
  readonly timeframe?: Timeframe;
  readonly openTime?: number;
  readonly eventTime?: number;
  readonly close?: number;
  readonly volume?: number;
  readonly closed?: boolean;
  /** First and last trade id. */
  readonly trades?: readonly [number, number];
}

/** A kline event as the exchange words it; prices are consistent for any close above 0. */
export function klinePayload(fields: KlineFields = {}): Record<string, unknown> {
  const { symbol = 'BTCUSDT', timeframe = '5m', openTime = MIDNIGHT, close = 100, volume = 1, closed = false } = fields;
  const endTime = openTime + timeframeMs(timeframe) - 1;
  const eventTime = fields.eventTime ?? (closed ? endTime + 200 : openTime + 1_000);
  const [first, last] = fields.trades ?? [-1, -1];
  return {
    e: 'kline',
    E: eventTime,
    s: symbol,
    k: {
      t: openTime,
      T: endTime,
      s: symbol,
      i: timeframe,
      f: first,
      L: last,
      o: '100',
      c: String(close),
      h: String(Math.max(100, close)),
      l: String(Math.min(100, close)),
      v: String(volume),
      n: 1,
      x: closed,
      q: '1.5',
      V: '0.5',
      Q: '0.7',
      B: '0',
    },
  };
}

/** The same as a text frame of a combined stream. */
export function klineFrame(fields: KlineFields = {}): string {
  const data = klinePayload(fields);
  const { symbol = 'BTCUSDT', timeframe = '5m' } = fields;
  return JSON.stringify({ stream: `${symbol.toLowerCase()}@kline_${timeframe}`, data });
}

export interface ControlFrame {
  readonly method: 'SUBSCRIBE' | 'UNSUBSCRIBE';
  readonly params: readonly string[];
  readonly id: number;
}

export function controlFrame(text: string): ControlFrame {
  return JSON.parse(text) as ControlFrame;
}

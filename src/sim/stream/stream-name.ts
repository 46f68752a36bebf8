import { type Interval, isInterval } from '../market/interval.js';

export const CONTRACT_INFO_STREAM = '!contractInfo';

/** `btcusdt@kline_1m` */
const KLINE_STREAM = /^(?<symbol>[^@]+)@kline_(?<interval>.+)$/;

export interface KlineStream {
  readonly name: string;
  /** Upper case, as listings spell it. */
  readonly symbol: string;
  readonly interval: Interval;
}

/** Null for whatever is no kline stream. The symbol has to be in lower case; the interval keeps its own (`1m`, `1M`). */
export function parseKlineStream(name: string): KlineStream | null {
  const parts = KLINE_STREAM.exec(name)?.groups;
  const { symbol = '', interval = '' } = parts ?? {};
  if (symbol !== symbol.toLowerCase() || !isInterval(interval)) return null;
  return { name, symbol: symbol.toUpperCase(), interval };
}

export function klineStreamName(symbol: string, interval: Interval): string {
  return `${symbol.toLowerCase()}@kline_${interval}`;
}

import { type CandleRow, candleDefect, type Refusal } from '../../domain/candle.js';
import { isTimeframe, type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import type { ContractInfo } from './contract.js';

export interface KlineEvent {
  readonly kind: 'kline';
  /** The exchange's market id, upper case. */
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly row: CandleRow;
  /** True when the exchange says that the candle is final. */
  readonly closed: boolean;
  /** Epoch ms at which the exchange made the frame. */
  readonly eventTime: number;
  /** Ids of the first and last trade of the candle; null when there were none or the exchange does not say. */
  readonly trades: { readonly first: number; readonly last: number } | null;
}

export type StreamEvent =
  | KlineEvent
  | ({ readonly kind: 'contractInfo' } & ContractInfo)
  | { readonly kind: 'ack'; readonly id: number }
  | { readonly kind: 'refused'; readonly id: number | null; readonly code: number; readonly message: string }
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed'; readonly reason: Refusal | 'json' };

type Fields = Readonly<Record<string, unknown>>;

const OTHER: StreamEvent = { kind: 'other' };
const SHUTDOWN: StreamEvent = { kind: 'shutdown' };
const NOT_JSON: StreamEvent = { kind: 'malformed', reason: 'json' };
const BAD_SHAPE: StreamEvent = { kind: 'malformed', reason: 'shape' };
const BAD_NUMBER: StreamEvent = { kind: 'malformed', reason: 'number' };

const DECIMAL = /^\d+(\.\d+)?$/;
/** `st` of the streams that mix markets: 1 is USD-M, 2 is COIN-M. */
const COIN_MARGINED = 2;

/**
 * One text message of a market stream, combined (`{"stream":…,"data":…}`) or raw, as a typed event. Extra keys are
 * ignored, and no input throws: what cannot be believed comes back as `malformed` with the reason, what is not used as
 * `other`.
 */
export function parseFrame(text: string): StreamEvent {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return NOT_JSON;
  }
  if (!isFields(message)) return BAD_SHAPE;
  if (typeof message.stream === 'string') return isFields(message.data) ? parseEvent(message.data) : OTHER;
  if (typeof message.e === 'string') return parseEvent(message);
  return parseReply(message);
}

function parseEvent(event: Fields): StreamEvent {
  switch (event.e) {
    case 'kline':
      return parseKline(event);
    case 'contractInfo':
      return parseContractInfo(event);
    case 'serverShutdown':
      return SHUTDOWN;
    default:
      return OTHER;
  }
}

function parseKline(event: Fields): StreamEvent {
  const { E: eventTime, s: symbol, k: kline } = event;
  if (!isText(symbol) || !isFields(kline)) return BAD_SHAPE;
  const { t: openTime, i: timeframe, x: closed, o: open, h: high, l: low, c: close, v: volume } = kline;
  if (typeof timeframe !== 'string' || !isTimeframe(timeframe) || typeof closed !== 'boolean') return BAD_SHAPE;
  if (!isTime(openTime) || !isTime(eventTime)) return BAD_NUMBER;
  if (!isDecimal(open) || !isDecimal(high) || !isDecimal(low) || !isDecimal(close) || !isDecimal(volume)) {
    return BAD_NUMBER;
  }
  const row: CandleRow = [openTime, Number(open), Number(high), Number(low), Number(close), Number(volume)];
  // A candle may be called closed only at or after its last millisecond; a forming one may be seen at any time.
  const closedBy = closed ? eventTime + 1 : openTime + timeframeMs(timeframe);
  const defect = candleDefect(row, timeframe, closedBy);
  if (defect !== null) return { kind: 'malformed', reason: defect };
  return { kind: 'kline', symbol, timeframe, row, closed, eventTime, trades: tradesOf(kline.f, kline.L) };
}

function tradesOf(first: unknown, last: unknown): KlineEvent['trades'] {
  return isTime(first) && isTime(last) && first > 0 && last >= first ? { first, last } : null;
}

function parseContractInfo(event: Fields): StreamEvent {
  const { E: eventTime, s: symbol, ct: contractType, cs: status, st: market } = event;
  if (market === COIN_MARGINED) return OTHER;
  if (!isText(symbol) || !isTime(eventTime)) return BAD_SHAPE;
  return {
    kind: 'contractInfo',
    symbol,
    contractType: typeof contractType === 'string' ? contractType : '',
    status: typeof status === 'string' ? status : '',
    eventTime,
  };
}

/** Acknowledgements are bare also in combined mode; errors come bare and in an `{"error":…}` envelope. */
function parseReply(message: Fields): StreamEvent {
  const id = isTime(message.id) ? message.id : null;
  const error = isFields(message.error) ? message.error : message;
  if (typeof error.code === 'number') {
    return { kind: 'refused', id, code: error.code, message: typeof error.msg === 'string' ? error.msg : '' };
  }
  return id !== null && 'result' in message ? { kind: 'ack', id } : OTHER;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0;
}

/** Ids and epoch milliseconds are non-negative integers that a double holds exactly. */
function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && DECIMAL.test(value);
}

import type { CandleRow, Refusal } from '../../domain/candle.js';
import { ExchangeError } from '../../domain/errors.js';
import { type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import type { KlineReply } from './contract.js';

/** `[openTime, open, high, low, close, volume, closeTime, quoteVolume, trades, takerBuyBase, takerBuyQuote, unused]` */
const COLUMNS = 12;
/** Longer than any decimal the exchange sends; keeps absurd texts away from the parser of numbers. */
const LONGEST_DECIMAL = 40;

/**
 * Documented weight of a klines request: [1, 100) = 1, [100, 500) = 2, [500, 1000] = 5, more = 10. Measurements put
 * 100 and 500 into the cheaper bracket; charging the dearer reading is safe, and the reply's header corrects it.
 */
export function klinesWeight(limit: number): number {
  if (limit < 100) return 1;
  if (limit < 500) return 2;
  return limit <= 1000 ? 5 : 10;
}

/**
 * The rows of a klines reply. A row that does not parse is left out and counted; a reply that is no array of arrays,
 * or longer than what was asked for, is a `badPayload`. An empty array is a fair answer: the symbol had no candle then.
 */
export function parseKlines(reply: unknown, timeframe: Timeframe, limit: number): KlineReply {
  if (!Array.isArray(reply) || !reply.every(Array.isArray)) {
    throw new ExchangeError('badPayload', 'klines: not an array of arrays');
  }
  if (reply.length > limit) {
    throw new ExchangeError('badPayload', `klines: ${reply.length} rows where ${limit} were asked for`);
  }
  const rows: CandleRow[] = [];
  const refused: Partial<Record<Refusal, number>> = {};
  const length = timeframeMs(timeframe);
  for (const wire of reply as unknown[][]) {
    const row = parseRow(wire, length);
    if (typeof row === 'string') refused[row] = (refused[row] ?? 0) + 1;
    else rows.push(row);
  }
  return { rows, refused };
}

function parseRow(wire: readonly unknown[], lengthMs: number): CandleRow | Refusal {
  if (wire.length !== COLUMNS) return 'shape';
  const openTime = wire[0] as number;
  if (!Number.isSafeInteger(openTime) || wire[6] !== openTime + lengthMs - 1) return 'shape';
  const open = parseDecimal(wire[1]);
  const high = parseDecimal(wire[2]);
  const low = parseDecimal(wire[3]);
  const close = parseDecimal(wire[4]);
  const volume = parseDecimal(wire[5]);
  // One sum is finite only when every term is.
  if (!Number.isFinite(open + high + low + close + volume)) return 'number';
  return [openTime, open, high, low, close, volume];
}

/** Exact, each of them. */
const POWERS_OF_TEN = Array.from({ length: 15 }, (_, exponent) => Number(`1e${exponent}`));
/** Integers of so many digits are exact in a double. */
const EXACT_DIGITS = 15;

/**
 * The double nearest to a plain decimal text (`digits` or `digits.digits`), NaN for anything else: no sign, no
 * exponent, no hexadecimal, no space, no separator, all of which `Number` alone would take.
 *
 * Up to 15 digits it is one division of two exact doubles, which IEEE 754 rounds correctly (Clinger 1990, "How to read
 * floating point numbers accurately", fast path); that halves the cost of reading a row. `Number` does the rest.
 */
export function parseDecimal(text: unknown): number {
  if (typeof text !== 'string' || text.length > LONGEST_DECIMAL) return Number.NaN;
  const { length } = text;
  let digits = 0;
  let point = length;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 48 && code <= 57) digits = digits * 10 + (code - 48);
    // A point once, with a digit before and behind it.
    else if (code === 46 && point === length && index > 0 && index < length - 1) point = index;
    else return Number.NaN;
  }
  if (length === 0) return Number.NaN;
  if (length > EXACT_DIGITS) return Number(text);
  return point === length ? digits : digits / (POWERS_OF_TEN[length - point - 1] as number);
}

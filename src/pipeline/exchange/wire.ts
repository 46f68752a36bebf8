import { ExchangeError } from '../../domain/errors.js';
import type { ExchangeInfo, Instrument } from './contract.js';
import { parseDecimal } from './klines.js';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/**
 * The exchange's list of markets. Keys that we do not know are passed over; a row that lacks what we need, or repeats
 * a symbol, is left out and counted in `dropped`. A list without any usable row is a `badPayload`.
 */
export function parseExchangeInfo(reply: unknown): ExchangeInfo {
  const rows = isFields(reply) ? reply.symbols : undefined;
  if (!isFields(reply) || !Array.isArray(rows))
    throw new ExchangeError('badPayload', 'exchangeInfo: no list of symbols');
  const instruments = new Map<string, Instrument>();
  for (const row of rows) {
    const instrument = parseInstrument(row);
    if (instrument !== null && !instruments.has(instrument.symbol)) instruments.set(instrument.symbol, instrument);
  }
  if (instruments.size === 0) {
    throw new ExchangeError('badPayload', `exchangeInfo: none of ${rows.length} rows is a usable symbol`);
  }
  return {
    instruments: [...instruments.values()],
    weightLimit: weightLimitOf(reply.rateLimits),
    dropped: rows.length - instruments.size,
  };
}

function parseInstrument(row: unknown): Instrument | null {
  if (!isFields(row)) return null;
  const { symbol, baseAsset, quoteAsset, marginAsset, contractType, status, onboardDate } = row;
  if (!isName(symbol) || !isName(baseAsset) || !isName(quoteAsset) || !isName(marginAsset)) return null;
  // An instrument that is still pending has an empty contract type.
  if (typeof contractType !== 'string' || !isName(status)) return null;
  if (!Number.isSafeInteger(onboardDate)) return null;
  const delivery = /_(\d{6})$/.exec(symbol)?.[1];
  return {
    symbol,
    unified: `${baseAsset}/${quoteAsset}:${marginAsset}${delivery === undefined ? '' : `-${delivery}`}`,
    baseAsset,
    quoteAsset,
    contractType,
    status,
    onboardTime: onboardDate as number,
  };
}

function weightLimitOf(rateLimits: unknown): number | null {
  if (!Array.isArray(rateLimits)) return null;
  const rule = rateLimits.find(
    (entry): entry is Fields =>
      isFields(entry) &&
      entry.rateLimitType === 'REQUEST_WEIGHT' &&
      entry.interval === 'MINUTE' &&
      entry.intervalNum === 1,
  );
  return Number.isSafeInteger(rule?.limit) && (rule?.limit as number) > 0 ? (rule?.limit as number) : null;
}

/** Epoch ms. */
export function parseServerTime(reply: unknown): number {
  const serverTime = isFields(reply) ? reply.serverTime : undefined;
  if (!Number.isSafeInteger(serverTime) || (serverTime as number) <= 0) {
    throw new ExchangeError('badPayload', 'time: no serverTime in epoch milliseconds');
  }
  return serverTime as number;
}

/** Quote volume of 24 hours by symbol. Rows that do not parse are left out; none that does is a `badPayload`. */
export function parseQuoteVolumes(reply: unknown): ReadonlyMap<string, number> {
  if (!Array.isArray(reply)) throw new ExchangeError('badPayload', 'ticker/24hr: not an array');
  const volumes = new Map<string, number>();
  for (const row of reply) {
    if (!isFields(row) || !isName(row.symbol)) continue;
    const volume = parseDecimal(row.quoteVolume);
    if (Number.isFinite(volume)) volumes.set(row.symbol, volume);
  }
  if (volumes.size === 0) throw new ExchangeError('badPayload', `ticker/24hr: none of ${reply.length} rows is usable`);
  return volumes;
}

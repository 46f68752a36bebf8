import type { IncomingHttpHeaders } from 'node:http';
import { ExchangeError } from '../../domain/errors.js';
import type { Timeframe } from '../../domain/timeframe.js';
import { loadBinance } from './ccxt.js';
import type { AdjustableClient, DatedExchangeInfo, KlineQuery, KlineReply, RequestOptions } from './contract.js';
import { parseJson } from './decode.js';
import { readKlineBytes } from './kline-bytes.js';
import { klinesWeight, parseKlines } from './klines.js';
import { Requester, type RequesterOptions } from './requester.js';
import { parseExchangeInfo, parseQuoteVolumes, parseServerTime } from './wire.js';

const MOST_KLINES = 1500;
/** Unpacked: 1500 klines are 0.2 MB, the lists of everything 1.2 MB and growing. */
const KLINES_BYTES = 4 * 1024 * 1024;
const LIST_BYTES = 16 * 1024 * 1024;
const TIME_BYTES = 64 * 1024;
/** What the clocks may drift apart until they are compared again. */
const DRIFT_MS = 50;

export interface BinanceClientOptions extends Omit<RequesterOptions, 'exchange'> {
  /** Another scheme, host and port in place of the exchange's; the paths stay. */
  readonly restUrl?: string | undefined;
}

/**
 * A client of Binance USDⓈ-M futures. It keeps the governor informed: of the weight limit when it has read the list of
 * markets, of the exchange's clock when it has read that. The governor is stopped by whoever made it.
 */
export async function createBinanceClient(options: BinanceClientOptions): Promise<AdjustableClient> {
  const { governor } = options;
  const requester = new Requester({ ...options, exchange: await loadBinance(options.restUrl) });
  return {
    klinesWeight,
    stats: () => requester.stats(),
    reconfigure: (limits) => requester.reconfigure(limits),
    close: () => requester.close(),

    async exchangeInfo(request) {
      const read = (body: Buffer, _: number, { date }: IncomingHttpHeaders): DatedExchangeInfo => ({
        ...parseExchangeInfo(parseJson(body)),
        repliedAt: date === undefined || Number.isNaN(Date.parse(date)) ? null : Date.parse(date),
      });
      const info = await requester.ask({ endpoint: 'exchangeInfo', params: {}, maxBytes: LIST_BYTES, read }, request);
      governor.setWeightLimit(info.weightLimit);
      return info;
    },

    async serverTime(request) {
      const read = (body: Buffer, roundTripMs: number) => ({
        serverTime: parseServerTime(parseJson(body)),
        roundTripMs,
      });
      const answer = await requester.ask({ endpoint: 'time', params: {}, maxBytes: TIME_BYTES, read }, request);
      governor.setExchangeTime(answer.serverTime + answer.roundTripMs / 2, answer.roundTripMs / 2 + DRIFT_MS);
      return answer;
    },

    async klines(query, request) {
      return await askKlines(requester, query, request);
    },

    async quoteVolumes(request) {
      const read = (body: Buffer) => parseQuoteVolumes(parseJson(body));
      return await requester.ask({ endpoint: 'ticker/24hr', params: {}, maxBytes: LIST_BYTES, read }, request);
    },
  };
}

function askKlines(requester: Requester, query: KlineQuery, request: RequestOptions) {
  const { symbol, timeframe, limit, startTime, endTime } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_KLINES) {
    throw new ExchangeError(
      'badRequest',
      `klines: limit must be a whole number from 1 to ${MOST_KLINES}, not ${limit}`,
    );
  }
  const params = {
    symbol,
    interval: timeframe,
    limit,
    ...(startTime !== undefined && { startTime }),
    ...(endTime !== undefined && { endTime }),
  };
  return requester.ask(
    { endpoint: 'klines', params, maxBytes: KLINES_BYTES, read: (body) => readKlines(body, timeframe, limit) },
    request,
  );
}

/** Straight from the bytes where they are what the exchange always writes, else the general way, which knows what is wrong. */
export function readKlines(body: Buffer, timeframe: Timeframe, limit: number): KlineReply {
  const rows = readKlineBytes(body, timeframe, limit);
  return rows === null ? parseKlines(parseJson(body), timeframe, limit) : { rows, refused: {} };
}

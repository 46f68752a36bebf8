import type { CandleRow, Refusal } from '../../domain/candle.js';
import type { Timeframe } from '../../domain/timeframe.js';

/** `urgent` may use the whole budget, `bulk` leaves a reserve for it. */
export type Lane = 'urgent' | 'bulk';

export interface RequestOptions {
  readonly lane: Lane;
  readonly signal?: AbortSignal;
}

/** One row of the exchange's list of markets, as far as the scanner uses it. Names keep the exchange's own spelling. */
export interface Instrument {
  /** The exchange's market id, any Unicode: `BTCUSDT`, `币安人生USDT`. */
  readonly symbol: string;
  /** The unified form for people: `BTC/USDT:USDT`. */
  readonly unified: string;
  readonly baseAsset: string;
  readonly quoteAsset: string;
  /** `PERPETUAL`, `TRADIFI_PERPETUAL`, `CURRENT_QUARTER`…, empty while pending. */
  readonly contractType: string;
  /** `TRADING`, `SETTLING`, `PENDING_TRADING`… */
  readonly status: string;
  /** Epoch ms of the listing. */
  readonly onboardTime: number;
}

export interface ExchangeInfo {
  readonly instruments: readonly Instrument[];
  /** Weight units per UTC minute, or null when the exchange did not say. */
  readonly weightLimit: number | null;
  /** Rows of the list that could not be used. */
  readonly dropped: number;
}

/** The list as the client hands it out. */
export interface DatedExchangeInfo extends ExchangeInfo {
  /** The exchange's clock when it replied, to the second below (epoch ms), or null when it did not say. */
  readonly repliedAt: number | null;
}

export interface KlineQuery {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  /** 1..1500; always sent. */
  readonly limit: number;
  /** Epoch ms, inclusive bounds on the open time. */
  readonly startTime?: number;
  readonly endTime?: number;
}

export interface KlineReply {
  /** Rows that parsed, in the order of the reply; the series judges order, grid and closedness. */
  readonly rows: readonly CandleRow[];
  /** Rows that did not parse, by reason. */
  readonly refused: Readonly<Partial<Record<Refusal, number>>>;
}

/** Since the client was made. */
export interface ExchangeStats {
  /** Requests sent, retries included. */
  readonly total: number;
  /** Requests that failed in the end, after their retries. */
  readonly failed: number;
  readonly retried: number;
  /** Replies 429 and 418. */
  readonly throttled: number;
  /** Weight charged for what was sent. */
  readonly weight: number;
  readonly weightLimit: number;
}

/** What may change while a client is in use. */
export interface RequestLimits {
  /** Total deadline of one attempt from the moment it may go out, body included. */
  readonly requestTimeoutMs: number;
  /** Requests under way at most in each lane, which is its number of sockets. */
  readonly window: number;
}

/** The exchange as the pipeline sees it. Every method rejects with an `ExchangeError`, or with the signal's reason. */
export interface ExchangeClient {
  exchangeInfo(options: RequestOptions): Promise<DatedExchangeInfo>;
  /** The exchange's clock, epoch ms, as it was in the middle of the request. */
  serverTime(options: RequestOptions): Promise<{ readonly serverTime: number; readonly roundTripMs: number }>;
  klines(query: KlineQuery, options: RequestOptions): Promise<KlineReply>;
  /** Quote volume of the last 24 hours by symbol. Costs 40. */
  quoteVolumes(options: RequestOptions): Promise<ReadonlyMap<string, number>>;
  /** Documented weight of a klines request with this limit. */
  klinesWeight(limit: number): number;
  stats(): ExchangeStats;
  close(): Promise<void>;
}

/** As whoever opened it sees it. */
export interface AdjustableClient extends ExchangeClient {
  /** For the requests to come; those under way end as they began. */
  reconfigure(limits: RequestLimits): void;
}

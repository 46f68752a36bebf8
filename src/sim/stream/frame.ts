import type { Interval } from '../market/interval.js';
import type { Kline } from '../market/market.js';
import type { KlineStream } from './stream-name.js';

/** What fault rules look at. */
export interface FrameSubject {
  readonly stream: string;
  readonly symbol: string;
  /** Null for an event that is no kline. */
  readonly interval: Interval | null;
  /** The exchange calls the candle closed. */
  readonly closed: boolean;
}

/** One event of a stream. Its bytes are made once, in each of the two forms that somebody asks for, and shared by all connections. */
export class Frame {
  readonly subject: FrameSubject;
  readonly #event: string;
  #raw: Buffer | null = null;
  #combined: Buffer | null = null;

  /** `event` is JSON text. */
  constructor(subject: FrameSubject, event: string) {
    this.subject = subject;
    this.#event = event;
  }

  bytes(combined: boolean): Buffer {
    if (!combined) return (this.#raw ??= Buffer.from(this.#event));
    return (this.#combined ??= Buffer.from(`{"stream":"${this.subject.stream}","data":${this.#event}}`));
  }

  /** The same event with something changed. */
  altered(change: (event: Record<string, unknown>) => void): Frame {
    const event = JSON.parse(this.#event) as Record<string, unknown>;
    change(event);
    return new Frame(this.subject, JSON.stringify(event));
  }
}

/** Ids of a candle's first and last trade; -1 and -1 without trades. */
export interface TradeIds {
  readonly first: number;
  readonly last: number;
}

/** `eventTime` is the exchange's time (epoch ms) at which the frame is made. */
export function klineFrame(
  stream: KlineStream,
  kline: Kline,
  ids: TradeIds,
  eventTime: number,
  closed: boolean,
): Frame {
  const { name, symbol, interval } = stream;
  const { openTime, closeTime, open, high, low, close, volume, trades, quoteVolume, takerBase, takerQuote } = kline;
  const event =
    `{"e":"kline","E":${eventTime},"s":"${symbol}","k":{"t":${openTime},"T":${closeTime},"s":"${symbol}",` +
    `"i":"${interval}","f":${ids.first},"L":${ids.last},"o":"${open}","c":"${close}","h":"${high}","l":"${low}",` +
    `"v":"${volume}","n":${trades},"x":${closed},"q":"${quoteVolume}","V":"${takerBase}","Q":"${takerQuote}","B":"0"}}`;
  return new Frame({ stream: name, symbol, interval, closed }, event);
}

import type { Timeframe } from '../../domain/timeframe.js';

/** The exchange leaves a control frame of more than 4,096 bytes unanswered. */
const LONGEST_FRAME_BYTES = 4_000;

/** Announces listings, status changes and delistings; silent for days, so nothing may be concluded from its silence. */
export const CONTRACT_INFO_STREAM = '!contractInfo';

/** Stream names are lower case, except the interval; an upper-case symbol is acknowledged and stays silent for ever. */
export function klineStream(symbol: string, timeframe: Timeframe): string {
  return `${symbol.toLowerCase()}@kline_${timeframe}`;
}

type Method = 'SUBSCRIBE' | 'UNSUBSCRIBE';

/**
 * - `wanted`: not asked for yet
 * - `pending`: asked for; an acknowledgement proves nothing, so it changes nothing
 * - `confirmed`: data came
 */
type StreamState = 'wanted' | 'pending' | 'confirmed';

interface Stream {
  state: StreamState;
  /** Epoch ms of the SUBSCRIBE frame. */
  sentAt: number;
}

/**
 * The streams of one connection. Control frames are made when the connection may send one, from what is wanted then; so there
 * is no queue to bound, and a wish taken back before it was sent costs nothing.
 */
export class Subscriptions {
  readonly #streams = new Map<string, Stream>();
  readonly #toSubscribe = new Set<string>();
  readonly #toUnsubscribe = new Set<string>();
  /** Asked for at least once since they are wanted: data is expected of them, also while they are asked for again. */
  readonly #asked = new Set<string>();
  #confirmed = 0;
  #lastId = 0;

  constructor(names: Iterable<string>) {
    for (const name of names) this.want(name);
  }

  want(name: string): void {
    if (this.#streams.has(name)) return;
    this.#streams.set(name, { state: 'wanted', sentAt: Number.POSITIVE_INFINITY });
    this.#toSubscribe.add(name);
  }

  drop(name: string): void {
    const stream = this.#streams.get(name);
    if (stream === undefined) return;
    if (stream.state !== 'wanted') this.#toUnsubscribe.add(name);
    if (stream.state === 'confirmed') this.#confirmed -= 1;
    this.#streams.delete(name);
    this.#toSubscribe.delete(name);
    this.#asked.delete(name);
  }

  /** Unsubscribes and subscribes a stream that should bring data and does not. */
  renew(name: string): void {
    if (!this.#streams.has(name)) return;
    const wasAsked = this.#asked.has(name);
    this.drop(name);
    this.want(name);
    if (wasAsked) this.#asked.add(name);
  }

  /** Notes data of a stream; returns false when it is not one of ours. */
  confirm(name: string): boolean {
    const stream = this.#streams.get(name);
    if (stream === undefined) return false;
    if (stream.state === 'pending') {
      stream.state = 'confirmed';
      this.#confirmed += 1;
    }
    return true;
  }

  has(name: string): boolean {
    return this.#streams.has(name);
  }

  /** True when the stream was asked for before `time` (epoch ms). */
  wasSentBefore(name: string, time: number): boolean {
    return (this.#streams.get(name)?.sentAt ?? Number.POSITIVE_INFINITY) < time;
  }

  /** True when every stream that `other` has confirmed is confirmed here. */
  covers(other: Subscriptions): boolean {
    if (this.#confirmed < other.#confirmed) return false;
    for (const [name, { state }] of other.#streams) {
      if (state === 'confirmed' && this.#streams.get(name)?.state !== 'confirmed') return false;
    }
    return true;
  }

  /** The next control frame to send at `now` (epoch ms), or null when the exchange knows all that is wanted. */
  nextFrame(now: number): string | null {
    if (this.#toUnsubscribe.size > 0) return this.#frame('UNSUBSCRIBE', this.#toUnsubscribe).text;
    if (this.#toSubscribe.size === 0) return null;
    const { text, names } = this.#frame('SUBSCRIBE', this.#toSubscribe);
    for (const name of names) {
      this.#streams.set(name, { state: 'pending', sentAt: now });
      this.#asked.add(name);
    }
    return text;
  }

  /** Streams that data is expected of. */
  get asked(): number {
    return this.#asked.size;
  }

  counts(): Record<StreamState, number> {
    const wanted = this.#toSubscribe.size;
    return { wanted, pending: this.#streams.size - wanted - this.#confirmed, confirmed: this.#confirmed };
  }

  /** Takes as many names from `queue` as fit one frame. */
  #frame(method: Method, queue: Set<string>): { text: string; names: readonly string[] } {
    const id = ++this.#lastId;
    const names: string[] = [];
    let bytes = Buffer.byteLength(JSON.stringify({ method, params: [], id }));
    for (const name of queue) {
      bytes += Buffer.byteLength(JSON.stringify(name)) + 1;
      if (bytes > LONGEST_FRAME_BYTES && names.length > 0) break;
      names.push(name);
      queue.delete(name);
    }
    return { text: JSON.stringify({ method, params: names, id }), names };
  }
}

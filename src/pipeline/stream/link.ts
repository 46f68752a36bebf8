import type { Clock } from '../../lib/clock.js';
import { Connection, type NextTurn } from './connection.js';
import type { Loss } from './contract.js';
import { parseFrame, type StreamEvent } from './frames.js';
import type { OpenSocket } from './socket.js';
import { CONTRACT_INFO_STREAM, klineStream, Subscriptions } from './subscriptions.js';

export interface LinkListener {
  onEvent(link: Link, event: StreamEvent): void;
  /** The first data came. */
  onProven(link: Link): void;
  onLost(link: Link, loss: Loss): void;
  onBinary(): void;
  onDeferred(): void;
}

export interface LinkOptions {
  readonly url: string;
  /** Stream names wanted from the start. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly connect: OpenSocket;
  readonly nextTurn: NextTurn;
  readonly listener: LinkListener;
}

/** A connection with its subscriptions: they live and die together, and data proves both. */
export class Link {
  readonly #clock: Clock;
  readonly #listener: LinkListener;
  readonly #subscriptions: Subscriptions;
  readonly #connection: Connection;
  /** Monotonic ms. */
  readonly attemptedAt: number;
  #provenAt: number | null = null;
  #lastEventTime: number | null = null;

  constructor({ url, names, clock, connect, nextTurn, listener }: LinkOptions) {
    this.#clock = clock;
    this.#listener = listener;
    this.#subscriptions = new Subscriptions(names);
    this.attemptedAt = clock.monotonic();
    this.#connection = new Connection({
      url,
      clock,
      connect,
      nextTurn,
      onMessage: (text) => this.#receive(text),
      onBinary: () => listener.onBinary(),
      onDeferred: () => listener.onDeferred(),
      onClosed: (loss) => listener.onLost(this, loss),
      nextFrame: () => this.#subscriptions.nextFrame(clock.now()),
      expectedStreams: () => this.#subscriptions.asked - (this.#subscriptions.has(CONTRACT_INFO_STREAM) ? 1 : 0),
    });
  }

  get mode(): Connection['mode'] {
    return this.#connection.mode;
  }

  /** Resolves when the socket is gone. */
  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  /** Monotonic ms of the first data, or null. */
  get provenAt(): number | null {
    return this.#provenAt;
  }

  /** The exchange's time (epoch ms) of the newest data, or null. */
  get lastEventTime(): number | null {
    return this.#lastEventTime;
  }

  /** It was open and asked for streams, and nothing came. */
  get isMute(): boolean {
    return this.#provenAt === null && this.#subscriptions.asked > 0;
  }

  get subscriptions(): Pick<Subscriptions, 'counts' | 'wasSentBefore'> {
    return this.#subscriptions;
  }

  /** True when data came for every stream that `other` has data for. */
  covers(other: Link): boolean {
    return this.#provenAt !== null && this.#subscriptions.covers(other.#subscriptions);
  }

  /** Changes what is subscribed and sends what follows from it. */
  change(change: (subscriptions: Subscriptions) => void): void {
    change(this.#subscriptions);
    this.#connection.kick();
  }

  drain(loss: Loss['reason']): void {
    this.#connection.drain(loss);
  }

  terminate(loss: Loss): void {
    this.#connection.terminate(loss);
  }

  #receive(text: string): void {
    const event = parseFrame(text);
    if (event.kind === 'kline' && this.#subscriptions.confirm(klineStream(event.symbol, event.timeframe))) {
      this.#connection.heard();
      this.#lastEventTime = event.eventTime;
      if (this.#provenAt === null) {
        this.#provenAt = this.#clock.monotonic();
        this.#listener.onProven(this);
      }
    }
    this.#listener.onEvent(this, event);
  }
}

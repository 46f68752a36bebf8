import type { Cancel, Clock } from '../../lib/clock.js';
import type { Market } from '../market/market.js';
import type { Frame } from './frame.js';
import { KlineChannel } from './kline-channel.js';
import type { KlinePacing } from './limits.js';
import { parseKlineStream } from './stream-name.js';

/** The streams of an update interval are spread over so many ticks, so that they do not all speak at once. */
const PHASES = 5;

interface Topic<S> {
  readonly channel: KlineChannel;
  readonly phase: number;
  readonly subscribers: Set<S>;
}

export interface KlineFeedOptions<S> {
  readonly market: Market;
  readonly clock: Clock;
  readonly pacing: KlinePacing;
  readonly deliver: (frame: Frame, subscribers: ReadonlySet<S>) => void;
  /** Runs everything that one tick delivers. */
  readonly batch: (tick: () => void) => void;
}

/** The kline streams that somebody listens to. Its ticks lie on a grid of the exchange's time and stop when nobody listens. */
export class KlineFeed<S> {
  readonly #options: KlineFeedOptions<S>;
  readonly #topics = new Map<string, Topic<S>>();
  readonly #tickMs: number;
  #lastTick = 0;
  #cancelTick: Cancel | null = null;

  constructor(options: KlineFeedOptions<S>) {
    this.#options = options;
    this.#tickMs = options.pacing.updateMs / PHASES;
  }

  /** Streams with a subscriber. */
  get size(): number {
    return this.#topics.size;
  }

  /** A name that is no kline stream brings nothing; one of an unlisted symbol brings nothing until it is listed. */
  subscribe(name: string, subscriber: S): void {
    const topic = this.#topics.get(name) ?? this.#open(name);
    topic?.subscribers.add(subscriber);
    if (topic !== null) this.#schedule();
  }

  unsubscribe(name: string, subscriber: S): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    topic.subscribers.delete(subscriber);
    if (topic.subscribers.size === 0) this.#topics.delete(name);
    if (this.#topics.size === 0) this.stop();
  }

  stop(): void {
    this.#cancelTick?.();
    this.#cancelTick = null;
  }

  #open(name: string): Topic<S> | null {
    const { market, clock, pacing } = this.#options;
    const stream = parseKlineStream(name);
    if (stream === null) return null;
    const channel = new KlineChannel(stream, market, pacing, clock.now());
    const topic = { channel, phase: phaseOf(name), subscribers: new Set<S>() };
    this.#topics.set(name, topic);
    return topic;
  }

  #schedule(): void {
    if (this.#cancelTick !== null) return;
    this.#lastTick = Math.floor(this.#options.clock.now() / this.#tickMs);
    this.#arm();
  }

  #arm(): void {
    const now = this.#options.clock.now();
    const nextTick = Math.floor(now / this.#tickMs) + 1;
    this.#cancelTick = this.#options.clock.setTimer(nextTick * this.#tickMs - now, () => {
      this.#options.batch(() => this.#tick());
      if (this.#cancelTick !== null) this.#arm();
    });
  }

  /** A late tick makes up for those that did not happen, once for each stream. */
  #tick(): void {
    const now = this.#options.clock.now();
    const tick = Math.floor(now / this.#tickMs);
    const passed = tick - this.#lastTick;
    this.#lastTick = tick;
    for (const { channel, phase, subscribers } of this.#topics.values()) {
      const isDue = (tick - phase) % PHASES < passed;
      if (!isDue && now < channel.closeBy) continue;
      const frame = channel.visit(now);
      if (frame !== null) this.#options.deliver(frame, subscribers);
    }
  }
}

function phaseOf(name: string): number {
  let sum = 0;
  for (let index = 0; index < name.length; index++) sum += name.charCodeAt(index);
  return sum % PHASES;
}

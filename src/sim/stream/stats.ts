import type { Frame } from './frame.js';

export interface ConnectionStats {
  readonly id: number;
  readonly path: string;
  readonly streams: number;
  readonly mode: string;
  readonly bufferedBytes: number;
}

/** What clients of the stream did, and what they were sent. */
export interface StreamStats {
  /** Those that stand now. */
  readonly connections: readonly ConnectionStats[];
  readonly opened: number;
  /** Kline streams that somebody listens to now. */
  readonly streams: number;
  /** Handshakes that were refused, by status; those that a fault rule struck are under `fault`. */
  readonly refused: Readonly<Record<string, number>>;
  /** Events, one for each connection that they were sent to. */
  readonly frames: number;
  /** Of these, the ones that call a candle closed. */
  readonly closingFrames: number;
  /** Whatever clients sent: control messages, pings, pongs. */
  readonly messages: number;
  /** Control messages that were too long to be answered. */
  readonly ignoredMessages: number;
  /** Names in SUBSCRIBE messages and in URLs. */
  readonly subscribed: number;
  /** Ends that came from this side, by code and reason. */
  readonly closes: Readonly<Record<string, number>>;
}

type Counter = 'opened' | 'messages' | 'ignoredMessages' | 'subscribed';

export class StreamStatsRecorder {
  readonly #counters: Record<Counter, number> = { opened: 0, messages: 0, ignoredMessages: 0, subscribed: 0 };
  readonly #closes = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  #frames = 0;
  #closingFrames = 0;

  count(counter: Counter, by = 1): void {
    this.#counters[counter] += by;
  }

  countFrame(frame: Frame): void {
    this.#frames += 1;
    if (frame.subject.closed) this.#closingFrames += 1;
  }

  countClose(reason: string): void {
    this.#closes.set(reason, (this.#closes.get(reason) ?? 0) + 1);
  }

  countRefused(why: string): void {
    this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1);
  }

  snapshot(connections: readonly ConnectionStats[], streams: number): StreamStats {
    return {
      connections,
      streams,
      ...this.#counters,
      refused: Object.fromEntries(this.#refused),
      closes: Object.fromEntries(this.#closes),
      frames: this.#frames,
      closingFrames: this.#closingFrames,
    };
  }
}

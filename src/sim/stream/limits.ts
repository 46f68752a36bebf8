const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What the exchange puts up with; `null` switches off a limit that is not established for futures. */
export interface StreamLimits {
  /** One more ends the connection, and all its streams with it. */
  readonly streamsPerConnection: number;
  /** Messages that may come back to back; pings and pongs count too. */
  readonly messageBurst: number;
  readonly messagesPerSecond: number;
  /** Longer control frames are never answered. */
  readonly controlFrameBytes: number | null;
  /** Handshakes of one address in five minutes. */
  readonly connectAttempts: number | null;
  readonly pingEveryMs: number;
  /** Longest time without a pong, asked for or not. */
  readonly pongWithinMs: number;
  /** Longest life of a connection. */
  readonly lifeMs: number;
  /** Data that a slow reader may leave waiting before it is cut off. */
  readonly bufferedBytes: number;
}

export const EXCHANGE_LIMITS: StreamLimits = {
  streamsPerConnection: 1_024,
  messageBurst: 15,
  messagesPerSecond: 10,
  controlFrameBytes: 4_096,
  connectAttempts: 300,
  pingEveryMs: 3 * MINUTE_MS,
  pongWithinMs: 10 * MINUTE_MS,
  lifeMs: 24 * HOUR_MS,
  bufferedBytes: 16 * 2 ** 20,
};

/** When a kline stream says something. */
export interface KlinePacing {
  /** Shortest time between two frames of one stream. */
  readonly updateMs: number;
  /** For load tests: a frame at every update, traded or not. */
  readonly everyUpdate: boolean;
  /** Candles without a trade close on the timer too; not established for the real exchange, so off by default. */
  readonly closeEmptyCandles: boolean;
}

export const EXCHANGE_PACING: KlinePacing = { updateMs: 250, everyUpdate: false, closeEmptyCandles: false };

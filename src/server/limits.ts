/** What clients may cost before others pay for it. */
export interface ServerLimits {
  /** From connecting, or from the first byte, to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte to the end of the body. */
  readonly requestTimeoutMs: number;
  /** How often the two above are looked after. */
  readonly timeoutCheckMs: number;
  /** A handler that has not answered by then is answered for. */
  readonly handlerTimeoutMs: number;
  /** A connection on which nothing moves in the middle of a reply, because its client stopped reading. */
  readonly stalledTimeoutMs: number;
  /** An idle connection between two requests. */
  readonly keepAliveMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Of the replies that wait to be read, over all connections. */
  readonly maxUnreadBytes: number;
  /**
   * Rows (items and candles) of all replies together. At 2 to 3 µs a row they take about a twentieth of the thread
   * that the cycles run on, however many clients ask.
   */
  readonly rowsPerSecond: number;
}

export const LIMITS: ServerLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  timeoutCheckMs: 1_000,
  // Longer than a request may take to come, so that a slow body is its sender's fault.
  handlerTimeoutMs: 12_000,
  stalledTimeoutMs: 15_000,
  // Longer than the usual interval between two scrapes, so that they share a connection.
  keepAliveMs: 35_000,
  maxConnections: 512,
  maxConnectionsPerAddress: 64,
  maxUnreadBytes: 32 * 2 ** 20,
  rowsPerSecond: 20_000,
};

export const MAX_REQUESTS_PER_CONNECTION = 1_000;

/** Request line and headers together. */
export const MAX_HEADER_BYTES = 8 * 1024;
export const MAX_URL_CHARACTERS = 2_048;
/** Between two slashes: 40 characters of a symbol, percent-encoded. */
export const MAX_PARAMETER_CHARACTERS = 512;
export const MAX_BODY_BYTES = 64 * 1024;

/** Items of one page of a list. */
export const MAX_ITEMS = 1_000;
/** As many as `candles.lookback` can be. */
export const MAX_CANDLES = 10_000;

/** A scrape is shared by all who ask within this time. */
export const SCRAPE_TTL_MS = 1_000;

/** After which a request that was refused for want of memory may be tried again; pressure lasts for 10 s at least. */
export const MEMORY_RETRY_MS = 30_000;

/** Wrong tokens per address within the window. */
export const MAX_WRONG_TOKENS = 5;
export const WRONG_TOKEN_WINDOW_MS = 60_000;

/**
 * Errors that the program expects. Whether trying again can help is a property of the error, not of the place that
 * catches it.
 */
export abstract class CandlescanError extends Error {
  abstract readonly retryable: boolean;
  override get name(): string {
    return this.constructor.name;
  }
}

/** The configuration is wrong; the message is one line: where, which key, what was found, what is allowed. */
export class ConfigError extends CandlescanError {
  readonly retryable = false;
}

/** The command line is wrong. */
export class UsageError extends CandlescanError {
  readonly retryable = false;
}

/**
 * What went wrong between us and the exchange.
 *
 * - `unreachable`: no connection, reset, refused, DNS, TLS
 * - `deadline`: no complete reply within the request's total deadline
 * - `throttled`: 429, the exchange's budget is used up for now
 * - `banned`: 418, the exchange refuses this address until a known time
 * - `unavailable`: 5xx, 403 of a firewall, 408, maintenance: the exchange's side is ill
 * - `badPayload`: a reply that is not what the protocol promises (HTML, cut JSON, too large, a redirect)
 * - `badSymbol`: the exchange does not know the symbol, or it is delisted
 * - `badRequest`: we asked wrongly
 * - `circuitOpen`: not sent, because the exchange has been failing
 */
export type ExchangeErrorKind =
  | 'unreachable'
  | 'deadline'
  | 'throttled'
  | 'banned'
  | 'unavailable'
  | 'badPayload'
  | 'badSymbol'
  | 'badRequest'
  | 'circuitOpen';

const RETRYABLE: ReadonlySet<ExchangeErrorKind> = new Set([
  'unreachable',
  'deadline',
  'throttled',
  'unavailable',
  'badPayload',
]);

export interface ExchangeErrorDetail {
  /** HTTP status, when there was a reply. */
  readonly status?: number;
  /** The exchange's own error code, for instance -1121. */
  readonly code?: number;
  /** Epoch milliseconds before which no request may go out (429, 418). */
  readonly closedUntil?: number;
  readonly cause?: unknown;
}

export class ExchangeError extends CandlescanError {
  readonly kind: ExchangeErrorKind;
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly code: number | undefined;
  readonly closedUntil: number | undefined;

  constructor(kind: ExchangeErrorKind, message: string, detail: ExchangeErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.kind = kind;
    this.retryable = RETRYABLE.has(kind);
    this.status = detail.status;
    this.code = detail.code;
    this.closedUntil = detail.closedUntil;
  }
}

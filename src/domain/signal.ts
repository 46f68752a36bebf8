import { createHash } from 'node:crypto';
import type { Timeframe } from './timeframe.js';

export type Direction = 'long' | 'short';
export type SignalStatus = 'provisional' | 'confirmed' | 'revoked' | 'expired';

/** What an analyzer says of one series at its newest closed candle. */
export interface Finding {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly analyzer: string;
  /** Semver of the analyzer; it changes whenever the same candles could give another finding. */
  readonly version: string;
  readonly direction: Direction;
  /** 0..1; the analyzer documents its formula. */
  readonly strength: number;
  /** Close of the newest candle, quote currency. */
  readonly price: number;
  /** Epoch ms: the instant at which the newest candle closed (open time + timeframe). */
  readonly candleCloseTime: number;
  /** Sentences a trader can read, most important first. */
  readonly reasons: readonly string[];
  /** SHA-256 (hex, 32 characters) over the analyzer's identity, its parameters and the candles it was given. */
  readonly inputDigest: string;
}

export interface Signal extends Finding {
  readonly id: string;
  readonly status: SignalStatus;
}

/**
 * The same candle seen by the same rule is the same signal, whatever ran it and however often; its direction is left
 * out, so that a revised candle amends a signal instead of making a second one. 32 hex characters.
 */
export function signalId(
  exchange: string,
  of: Pick<Finding, 'symbol' | 'timeframe' | 'analyzer' | 'version' | 'candleCloseTime'>,
): string {
  const identity = [exchange, of.symbol, of.timeframe, of.analyzer, of.version, of.candleCloseTime];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
}

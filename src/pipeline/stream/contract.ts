import type { CandleRow } from '../../domain/candle.js';
import type { Timeframe } from '../../domain/timeframe.js';

/** What made a candle final: the exchange's closed flag, or a frame of a later candle of the same series. */
export type ClosedBy = 'flag' | 'later';

/** A listing, a delisting or another change of a contract; fields keep the exchange's spelling, empty when absent. */
export interface ContractInfo {
  readonly symbol: string;
  readonly contractType: string;
  readonly status: string;
  /** Epoch ms. */
  readonly eventTime: number;
}

/**
 * Why a connection ended.
 *
 * - `handshake`: no WebSocket within the deadline, or the server answered with something else
 * - `network`: refused, reset, ended without a close frame
 * - `closed`: the server sent a close frame
 * - `silent`: the socket lived, but its data stopped
 * - `protocol`: bytes that are not WebSocket, invalid UTF-8, a message beyond the limits
 * - `shutdown`: the server announced its shutdown, and a new connection took over
 * - `rotation`: it came of age, and a new connection took over
 * - `stopped`: we no longer want it
 */
export type LossReason =
  | 'handshake'
  | 'network'
  | 'closed'
  | 'silent'
  | 'protocol'
  | 'shutdown'
  | 'rotation'
  | 'stopped';

export interface Loss {
  readonly reason: LossReason;
  /** For people: the close code and text, the error's message, the seconds of silence. */
  readonly detail: string;
}

/** Something an operator wants to read about; everything here is also counted in the stats. */
export type StreamNotice =
  | ({ readonly kind: 'lost'; readonly streams: number } & Loss)
  | { readonly kind: 'refused'; readonly id: number | null; readonly code: number; readonly message: string }
  /** These series stayed silent after their stream was subscribed again and moved; REST has to carry them. */
  | { readonly kind: 'streamsSuspect'; readonly symbols: readonly string[] }
  /** Every connection was accepted and stayed mute, again and again: the path or the host is probably wrong or retired. */
  | { readonly kind: 'endpointSuspect'; readonly connections: number }
  | { readonly kind: 'endpointTrusted' };

/** What the owner of the source is told. Calls are synchronous and made from the socket's callback: keep them tiny. */
export interface StreamHandlers {
  /** Once per candle of a series, ascending. */
  onClosed(symbol: string, timeframe: Timeframe, row: CandleRow, how: ClosedBy): void;
  /** The newest state of a forming candle, at most every `formingEveryMs` per series. */
  onForming(symbol: string, timeframe: Timeframe, row: CandleRow): void;
  /** The newest closed candle was stated again with other values. */
  onRevised(symbol: string, timeframe: Timeframe, row: CandleRow, previous: CandleRow): void;
  /**
   * Data flows (again) for these symbols. Nothing is replayed by the exchange, so what closed since `since` (epoch ms of the
   * last data before; null on the first connection) has to be asked by REST.
   */
  onResumed(symbols: readonly string[], since: number | null): void;
  onContractInfo(info: ContractInfo): void;
  onNotice(notice: StreamNotice): void;
}

export interface StreamStats {
  /** Connections by state; `waiting` ones wait for their turn to connect. */
  readonly connections: Readonly<Record<'waiting' | 'connecting' | 'open' | 'draining', number>>;
  /** Streams by state, over the connections in use; only data confirms. */
  readonly streams: Readonly<Record<'wanted' | 'pending' | 'confirmed', number>>;
  readonly messages: number;
  readonly reconnects: Readonly<Partial<Record<LossReason, number>>>;
  /** Connection attempts ever made. */
  readonly connects: number;
  /** Series whose stream did not bring the candle that it owed `staleAfterMs` after its close. */
  readonly staleSeries: number;
  readonly closed: number;
  readonly revised: number;
  /** Forming updates replaced by a newer one before they were delivered. */
  readonly coalesced: number;
  /** Frames that were older than what is known, or said the same again. */
  readonly outdated: number;
  /** Frames for a series that is not subscribed. */
  readonly unsubscribed: number;
  /** Events of an unknown type. */
  readonly unknown: number;
  /** Frames that break the protocol's promises, by reason. */
  readonly malformed: Readonly<Record<string, number>>;
  readonly refused: number;
  /** Silences that turned out to be our own event loop's lateness. */
  readonly watchdogDeferred: number;
  readonly endpointSuspect: boolean;
}

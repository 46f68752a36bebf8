import type { CandleRow } from '../../domain/candle.js';
import { lastClosedOpenTime, type Slot } from '../../domain/slot.js';
import { type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import type { Cancel, Clock } from '../../lib/clock.js';
import type { ClosedBy, StreamHandlers } from './contract.js';
import type { KlineEvent } from './frames.js';

const NEVER = Number.NEGATIVE_INFINITY;

interface State {
  readonly symbol: string;
  /** The newest frame of the newest candle, while that is not closed. */
  forming: KlineEvent | null;
  /** False when frames may have been lost since `forming`. */
  unbroken: boolean;
  /** The newest closed candle, whoever closed it. */
  closed: CandleRow | null;
  /** Exchange time of the frame that closed it; older statements of it are ignored. */
  closedEventTime: number;
  /** Open time of the newest candle whose end the stream has shown: by closing it, or by a frame of a later one. */
  shownThrough: number;
  /** Open time of the newest candle that is known to have had trades, whoever told: the exchange sends nothing of others. */
  tradedThrough: number;
}

export interface ClosingOptions {
  readonly timeframe: Timeframe;
  readonly clock: Clock;
  readonly handlers: Pick<StreamHandlers, 'onClosed' | 'onForming' | 'onRevised'>;
  readonly formingEveryMs: number;
}

/**
 * Turns kline frames into candles. A candle is final when a frame says so, or when a frame of a later candle proves that
 * nothing is missing; the third way, REST at the deadline, is the owner's, who tells it by `markClosed`.
 *
 * Idempotent on (symbol, open time): frames may be late, doubled or out of order, and come over two connections at once.
 */
export class Closing {
  readonly #timeframe: Timeframe;
  readonly #stepMs: number;
  readonly #clock: Clock;
  readonly #handlers: ClosingOptions['handlers'];
  readonly #formingEveryMs: number;
  readonly #states = new Map<string, State>();
  /** Series whose forming candle changed since the last delivery: at most one entry each, so the memory is bounded. */
  readonly #dirty = new Set<State>();
  #cancelFlush: Cancel | null = null;
  readonly counts = { closed: 0, revised: 0, coalesced: 0, outdated: 0, unsubscribed: 0, future: 0 };

  constructor({ timeframe, clock, handlers, formingEveryMs }: ClosingOptions) {
    this.#timeframe = timeframe;
    this.#stepMs = timeframeMs(timeframe);
    this.#clock = clock;
    this.#handlers = handlers;
    this.#formingEveryMs = formingEveryMs;
  }

  add(symbol: string): void {
    if (this.#states.has(symbol)) return;
    this.#states.set(symbol, {
      symbol,
      forming: null,
      unbroken: false,
      closed: null,
      closedEventTime: NEVER,
      shownThrough: NEVER,
      tradedThrough: NEVER,
    });
  }

  remove(symbol: string): void {
    const state = this.#states.get(symbol);
    if (state === undefined) return;
    this.#states.delete(symbol);
    this.#dirty.delete(state);
  }

  /** Frames of these symbols may be lost from here on. */
  interrupt(symbols: Iterable<string>): void {
    for (const symbol of symbols) {
      const state = this.#states.get(symbol);
      if (state !== undefined) state.unbroken = false;
    }
  }

  accept(event: KlineEvent): void {
    const state = this.#states.get(event.symbol);
    const openTime = event.row[0];
    if (state === undefined || event.timeframe !== this.#timeframe) {
      this.counts.unsubscribed += 1;
    } else if (openTime > this.#clock.now() + this.#stepMs) {
      // One believed frame of a far candle would make every real one look old. A whole step of slack forgives our own clock.
      this.counts.future += 1;
    } else if (state.closed !== null && openTime <= state.closed[0]) {
      this.#restated(state, event);
    } else if (state.forming !== null && openTime < state.forming.row[0]) {
      this.#overtaken(state, event);
    } else {
      this.#newest(state, event);
    }
  }

  /** The owner has the final candle from elsewhere (REST, history). Older ones than what is closed change nothing. */
  markClosed(symbol: string, row: CandleRow): void {
    const state = this.#states.get(symbol);
    if (state === undefined) return;
    noteTrades(state, row);
    if (state.closed === null || row[0] > state.closed[0]) this.#settle(state, row, NEVER);
  }

  /** Symbols whose candle that ended at or before `slot` is not closed yet, by whatever way. */
  overdue(slot: Slot): string[] {
    const due = lastClosedOpenTime(slot, this.#timeframe);
    return this.#select(({ closed }) => closed === null || closed[0] < due);
  }

  /** Symbols whose stream has not shown the end of the candle of `slot`, which is known to have had trades. */
  silent(slot: Slot): string[] {
    const due = lastClosedOpenTime(slot, this.#timeframe);
    return this.#select(({ shownThrough, tradedThrough }) => shownThrough < due && tradedThrough >= due);
  }

  close(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = null;
    this.#dirty.clear();
  }

  #newest(state: State, event: KlineEvent): void {
    const { forming } = state;
    const openTime = event.row[0];
    state.shownThrough = Math.max(state.shownThrough, openTime - this.#stepMs);
    if (forming !== null && openTime > forming.row[0]) {
      if (isComplete(forming, event, state.unbroken)) this.#close(state, forming, 'later');
    } else if (forming !== null && !event.closed && event.eventTime <= forming.eventTime) {
      this.counts.outdated += 1;
      return;
    }
    if (event.closed) this.#close(state, event, 'flag');
    else this.#form(state, event);
  }

  /** A frame of a candle before the forming one, which is not closed: news only if it closes it. */
  #overtaken(state: State, event: KlineEvent): void {
    if (event.closed) this.#close(state, event, 'flag');
    else this.counts.outdated += 1;
  }

  /** A frame of a candle that is closed already. */
  #restated(state: State, event: KlineEvent): void {
    const previous = state.closed as CandleRow;
    const isNews = event.closed && event.row[0] === previous[0] && event.eventTime >= state.closedEventTime;
    if (event.closed) state.shownThrough = Math.max(state.shownThrough, event.row[0]);
    if (!isNews || isSameRow(event.row, previous)) {
      this.counts.outdated += 1;
      return;
    }
    state.closed = event.row;
    state.closedEventTime = event.eventTime;
    this.counts.revised += 1;
    this.#handlers.onRevised(state.symbol, this.#timeframe, event.row, previous);
  }

  #close(state: State, event: KlineEvent, how: ClosedBy): void {
    this.#settle(state, event.row, event.eventTime);
    state.shownThrough = Math.max(state.shownThrough, event.row[0]);
    this.counts.closed += 1;
    this.#handlers.onClosed(state.symbol, this.#timeframe, event.row, how);
  }

  #settle(state: State, row: CandleRow, eventTime: number): void {
    state.closed = row;
    state.closedEventTime = eventTime;
    if (state.forming === null || state.forming.row[0] > row[0]) return;
    state.forming = null;
    this.#dirty.delete(state);
  }

  #form(state: State, event: KlineEvent): void {
    state.forming = event;
    state.unbroken = true;
    noteTrades(state, event.row);
    if (this.#dirty.has(state)) this.counts.coalesced += 1;
    else this.#dirty.add(state);
    this.#cancelFlush ??= this.#clock.setTimer(this.#formingEveryMs, () => this.#flush());
  }

  #flush(): void {
    this.#cancelFlush = null;
    for (const state of this.#dirty) {
      this.#dirty.delete(state);
      if (state.forming !== null) this.#handlers.onForming(state.symbol, this.#timeframe, state.forming.row);
    }
  }

  #select(predicate: (state: State) => boolean): string[] {
    const symbols: string[] = [];
    for (const state of this.#states.values()) if (predicate(state)) symbols.push(state.symbol);
    return symbols;
  }
}

/**
 * Whether `last`, the newest frame seen of a candle, holds all its trades, now that `next` of a later candle came. Updates
 * come every 250 ms, so the last one before the end may lack trades that only the lost closing frame had; trade ids settle it:
 * nothing is missing when the later candle's first trade follows the last one seen. Ids may also skip, so the reverse proves
 * nothing, and such a candle waits for its flag or for REST. Without ids an uninterrupted stream has to do.
 */
function isComplete(last: KlineEvent, next: KlineEvent, unbroken: boolean): boolean {
  if (last.trades === null || next.trades === null) return unbroken;
  return next.trades.first === last.trades.last + 1;
}

function noteTrades(state: State, [openTime, , , , , volume]: CandleRow): void {
  if (volume > 0) state.tradedThrough = Math.max(state.tradedThrough, openTime);
}

function isSameRow(a: CandleRow, b: CandleRow): boolean {
  return a.every((value, column) => value === b[column]);
}

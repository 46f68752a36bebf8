import type { CandleRow } from '../../domain/candle.js';
import { type Slot, slotAt } from '../../domain/slot.js';
import { type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import type { Cancel, Clock } from '../../lib/clock.js';
import type { Random } from '../../lib/random.js';
import { Closing } from './closing.js';
import { ConnectBudget } from './connect-budget.js';
import { afterPoll, BUSY_STREAMS, type NextTurn } from './connection.js';
import type { Loss, LossReason, StreamHandlers, StreamStats } from './contract.js';
import { Fleet } from './fleet.js';
import type { StreamEvent } from './frames.js';
import { Liveness } from './liveness.js';
import { Shard, type ShardListener } from './shard.js';
import { type OpenSocket, openWebSocket } from './socket.js';

/** Klines are served on the routed path only; the bare `/stream` still acknowledges, and stays silent for ever. */
const STREAM_PATH = '/market/stream';
/** Closes arrive 0.2–2.3 s after the end of a candle. */
const STALE_AFTER_MS = 5_000;
const FORMING_EVERY_MS = 250;
/** Connections are looked after at least this often, also when the timeframe is longer. */
const LONGEST_TICK: Timeframe = '5m';

/** Scheme and host of Binance USDⓈ-M futures. */
export const BINANCE_STREAM_URL = 'wss://fstream.binance.com';

export interface StreamSourceOptions {
  /** Scheme and host, for instance `wss://fstream.binance.com`; the path is the exchange's own. */
  readonly url: string;
  readonly symbols: Iterable<string>;
  /** The only timeframe that is streamed. */
  readonly timeframe: Timeframe;
  readonly streamsPerConnection: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly handlers: StreamHandlers;
  readonly formingEveryMs?: number;
  readonly connect?: OpenSocket;
  readonly nextTurn?: NextTurn;
}

/** The stream of candles of one timeframe for many symbols, over as few connections as can carry it. */
export interface StreamSource {
  start(): void;
  /** Resolves when every socket and timer is gone. */
  stop(): Promise<void>;
  /** Follows the universe; symbols that stay keep their connection. */
  setSymbols(symbols: Iterable<string>): void;
  /** Symbols whose candle that ended at `slot` is not closed yet, by the stream or by `markClosed`. */
  overdue(slot: Slot): string[];
  /** The owner has a final candle of a symbol from elsewhere (REST, history); see `Closing.markClosed`. */
  markClosed(symbol: string, row: CandleRow): void;
  stats(): StreamStats;
}

/** Throws a `TypeError` when `url` is none, a `RangeError` when `streamsPerConnection` is below 1. */
export function createStreamSource(options: StreamSourceOptions): StreamSource {
  return new ShardedSource(options);
}

class ShardedSource implements StreamSource {
  readonly #timeframe: Timeframe;
  readonly #clock: Clock;
  readonly #handlers: StreamHandlers;
  readonly #budget: ConnectBudget;
  readonly #closing: Closing;
  readonly #fleet: Fleet;
  readonly #liveness = new Liveness();
  /** Epoch ms from which on a symbol is wanted. */
  readonly #wantedSince = new Map<string, number>();
  readonly #counts = { messages: 0, unknown: 0, refused: 0, watchdogDeferred: 0 };
  readonly #malformed: Record<string, number> = {};
  readonly #reconnects: Partial<Record<LossReason, number>> = {};
  #judgedSlot: Slot = 0;
  #cancelTick: Cancel | null = null;
  #started = false;
  #stopped: Promise<void> | null = null;

  constructor(options: StreamSourceOptions) {
    const { clock, random, handlers, timeframe, formingEveryMs = FORMING_EVERY_MS, streamsPerConnection } = options;
    const { connect = openWebSocket, nextTurn = afterPoll } = options;
    this.#timeframe = timeframe;
    this.#clock = clock;
    this.#handlers = handlers;
    const budget = new ConnectBudget({ clock, random });
    this.#budget = budget;
    this.#closing = new Closing({ timeframe, clock, handlers, formingEveryMs });
    const url = new URL(STREAM_PATH, options.url).href;
    const listener = this.#shardListener();
    this.#fleet = new Fleet({
      streamsPerConnection,
      openShard: () => new Shard({ url, timeframe, clock, random, budget, connect, nextTurn, listener }),
    });
    this.setSymbols(options.symbols);
  }

  start(): void {
    if (this.#started || this.#stopped !== null) return;
    this.#started = true;
    this.#judgedSlot = this.#dueSlot();
    this.#fleet.start();
    this.#armTick();
  }

  stop(): Promise<void> {
    this.#cancelTick?.();
    this.#budget.close();
    this.#closing.close();
    this.#stopped ??= this.#fleet.stop();
    return this.#stopped;
  }

  setSymbols(symbols: Iterable<string>): void {
    if (this.#stopped !== null) return;
    const wanted = new Set(symbols);
    const removed = [...this.#wantedSince.keys()].filter((symbol) => !wanted.has(symbol));
    const added = [...wanted].filter((symbol) => !this.#wantedSince.has(symbol));
    const now = this.#clock.now();
    for (const symbol of removed) {
      this.#wantedSince.delete(symbol);
      this.#closing.remove(symbol);
    }
    for (const symbol of added) {
      this.#wantedSince.set(symbol, now);
      this.#closing.add(symbol);
    }
    this.#fleet.change(removed, added);
  }

  overdue(slot: Slot): string[] {
    return this.#closing.overdue(slot);
  }

  markClosed(symbol: string, row: CandleRow): void {
    this.#closing.markClosed(symbol, row);
  }

  stats(): StreamStats {
    const connections = { waiting: 0, connecting: 0, open: 0, draining: 0 };
    const streams = { wanted: 0, pending: 0, confirmed: 0 };
    this.#fleet.countInto(connections, streams);
    const { future, ...closing } = this.#closing.counts;
    return {
      connections,
      streams,
      ...closing,
      ...this.#counts,
      reconnects: { ...this.#reconnects },
      connects: this.#budget.total,
      staleSeries: this.#silent(this.#dueSlot()).length,
      malformed: { ...this.#malformed, ...(future > 0 && { future }) },
      endpointSuspect: this.#liveness.endpointSuspect,
    };
  }

  #shardListener(): ShardListener {
    return {
      onEvent: (event) => this.#received(event),
      onBinary: () => this.#countMalformed('binary'),
      onDeferred: () => {
        this.#counts.watchdogDeferred += 1;
      },
      onProven: () => {
        if (this.#liveness.proven()) this.#handlers.onNotice({ kind: 'endpointTrusted' });
      },
      onResumed: (symbols, since) => this.#handlers.onResumed(symbols, since),
      onLost: (loss, symbols, mute) => this.#lost(loss, symbols, mute),
      onReplaced: (reason) => this.#countReconnect(reason),
    };
  }

  #received(event: StreamEvent): void {
    this.#counts.messages += 1;
    switch (event.kind) {
      case 'kline':
        this.#closing.accept(event);
        break;
      case 'contractInfo':
        this.#handlers.onContractInfo(event);
        break;
      case 'refused':
        this.#counts.refused += 1;
        this.#handlers.onNotice(event);
        break;
      case 'malformed':
        this.#countMalformed(event.reason);
        break;
      case 'other':
        this.#counts.unknown += 1;
        break;
      // An acknowledgement proves nothing, and a shutdown concerns its own connection.
      case 'ack':
      case 'shutdown':
        break;
    }
  }

  #lost(loss: Loss, symbols: readonly string[], mute: boolean): void {
    this.#countReconnect(loss.reason);
    this.#closing.interrupt(symbols);
    this.#handlers.onNotice({ kind: 'lost', streams: symbols.length, ...loss });
    const connections = this.#fleet.size;
    if (mute && this.#owedData(symbols) && this.#liveness.mute(connections))
      this.#handlers.onNotice({ kind: 'endpointSuspect', connections });
  }

  /** Whether a connection of these symbols cannot have been silent because nobody traded. */
  #owedData(symbols: readonly string[]): boolean {
    if (symbols.length === 0 || symbols.length >= BUSY_STREAMS) return true;
    const silent = new Set(this.#silent(this.#dueSlot()));
    return symbols.some((symbol) => silent.has(symbol));
  }

  #countReconnect(reason: LossReason): void {
    this.#reconnects[reason] = (this.#reconnects[reason] ?? 0) + 1;
  }

  #countMalformed(reason: string): void {
    this.#malformed[reason] = (this.#malformed[reason] ?? 0) + 1;
  }

  /** The newest slot whose closes must have arrived by now. */
  #dueSlot(): Slot {
    return slotAt(this.#clock.now() - STALE_AFTER_MS, this.#timeframe);
  }

  #armTick(): void {
    const tick = timeframeMs(this.#timeframe) <= timeframeMs(LONGEST_TICK) ? this.#timeframe : LONGEST_TICK;
    const now = this.#clock.now();
    const next = slotAt(now - STALE_AFTER_MS, tick) + timeframeMs(tick) + STALE_AFTER_MS;
    this.#cancelTick = this.#clock.setTimer(next - now, () => this.#tick());
  }

  /** Right after the closes of a slot: the farthest from the next ones, so the time for everything that disturbs. */
  #tick(): void {
    const slot = this.#dueSlot();
    if (slot > this.#judgedSlot) this.#remedy(slot);
    this.#judgedSlot = slot;
    this.#fleet.rotateIfDue();
    this.#armTick();
  }

  /** Symbols that were wanted before `slot` and whose stream did not show its candle. */
  #silent(slot: Slot): string[] {
    return this.#closing.silent(slot).filter((symbol) => (this.#wantedSince.get(symbol) ?? slot) < slot);
  }

  #remedy(slot: Slot): void {
    const silent = this.#silent(slot).filter((symbol) => this.#fleet.wasSentBefore(symbol, slot));
    const { renew, move, suspect } = this.#liveness.judge(silent, this.#wantedSince.size);
    this.#closing.interrupt(silent);
    this.#fleet.renew(renew);
    for (const symbol of move) this.#fleet.move(symbol);
    if (suspect.length > 0) this.#handlers.onNotice({ kind: 'streamsSuspect', symbols: suspect });
  }
}

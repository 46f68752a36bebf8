import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Cancel, Clock } from '../../lib/clock.js';
import type { Frame } from './frame.js';
import type { StreamLimits } from './limits.js';
import { MessageBudget } from './message-budget.js';
import type { StreamStatsRecorder } from './stats.js';

/** A frame stays one buffer for all connections; without this a buffer would be sent as a binary message. */
const AS_TEXT = { binary: false };

/**
 * open ─► closing ─► closed, and each straight to closed. Two modes are faults: `frozen` is half-open, the socket stands and
 * nothing is read or written any more; `seized` ─► open while the bytes of a fault have the wire for themselves.
 */
type Mode = 'open' | 'seized' | 'frozen' | 'closing' | 'closed';

export interface ClientOptions {
  /** 1 for the first connection since the start. */
  readonly id: number;
  readonly ws: WebSocket;
  /** What the WebSocket runs on, for faults below the protocol. */
  readonly socket: Duplex & { resetAndDestroy?: () => void };
  readonly combined: boolean;
  readonly clock: Clock;
  readonly limits: StreamLimits;
  readonly stats: StreamStatsRecorder;
  /** A text message within the limits. */
  readonly onMessage: (text: string) => void;
  /** Once, when the connection is gone. */
  readonly onClosed: () => void;
}

/** The exchange's end of one connection: its limits, its pings, its end. */
export class Client {
  readonly id: number;
  readonly #options: ClientOptions;
  readonly #budget: MessageBudget;
  readonly #timers = new Set<Cancel>();
  #cancelPongDeadline: Cancel = () => {};
  #mode: Mode = 'open';
  /** Wraps events as `{"stream":…,"data":…}`; a property that the client may change. */
  combined: boolean;

  constructor(options: ClientOptions) {
    const { ws, clock, limits } = options;
    this.#options = options;
    this.id = options.id;
    this.combined = options.combined;
    this.#budget = new MessageBudget(clock, limits.messageBurst, limits.messagesPerSecond);
    ws.on('message', (data, isBinary) => this.#received(data, isBinary));
    ws.on('ping', () => this.#spend());
    ws.on('pong', () => {
      this.#awaitPong();
      this.#spend();
    });
    // `ws` closes by itself after a protocol error of the client.
    ws.on('error', () => {});
    ws.on('close', () => this.#closed());
    this.#pingLater();
    this.#awaitPong();
    this.later(limits.lifeMs, () => this.close(1001, ''));
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** Callbacks that `later` still owes. */
  get waiting(): number {
    return this.#timers.size;
  }

  get bufferedBytes(): number {
    return this.#options.ws.bufferedAmount;
  }

  /** Runs `callback` after `delayMs`, unless the connection is gone by then. */
  later(delayMs: number, callback: () => void): void {
    const cancel = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  /** Sends an event; a reader that is too slow for its streams is cut off. */
  send(frame: Frame): void {
    if (this.#mode !== 'open') return;
    const { ws, limits, stats } = this.#options;
    if (ws.bufferedAmount > limits.bufferedBytes) {
      this.#leave('slow reader');
      ws.terminate();
      return;
    }
    ws.send(frame.bytes(this.combined), AS_TEXT);
    stats.countFrame(frame);
  }

  /** Sends any text message. */
  say(text: string): void {
    if (this.#mode === 'open') this.#options.ws.send(text);
  }

  /** Puts bytes on the wire as they are. */
  sayRaw(bytes: Uint8Array): void {
    if (this.#mode === 'open' || this.#mode === 'seized') this.#options.socket.write(bytes);
  }

  /** From now until the returned function is called, only raw bytes are sent. */
  seize(): () => void {
    if (this.#mode === 'open') this.#mode = 'seized';
    return () => {
      if (this.#mode === 'seized') this.#mode = 'open';
    };
  }

  /** Holds what is sent back until `uncork`, so that a tick's frames leave in one write. */
  cork(): void {
    this.#options.socket.cork();
  }

  uncork(): void {
    this.#options.socket.uncork();
  }

  close(code: number, reason: string): void {
    if (this.#mode !== 'open') return;
    this.#leave(reason === '' ? String(code) : `${code} ${reason}`);
    this.#options.ws.close(code, reason);
  }

  /** Ends with RST, which the client sees as 1006. */
  reset(): void {
    const { socket } = this.#options;
    this.#leave('reset');
    if (socket.resetAndDestroy === undefined) socket.destroy();
    else socket.resetAndDestroy();
  }

  /** Ends with FIN and no close frame, which the client sees as 1006, too. */
  end(): void {
    this.#leave('end');
    this.#options.socket.end();
  }

  /** Stops reading and writing; the client is not told. */
  freeze(): void {
    if (this.#mode !== 'open') return;
    this.#mode = 'frozen';
    this.#options.ws.pause();
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#mode !== 'open' || !this.#spend()) return;
    if (isBinary) {
      this.close(1008, 'Invalid request');
      return;
    }
    const { limits, stats, onMessage } = this.#options;
    const bytes = data as Buffer;
    if (limits.controlFrameBytes !== null && bytes.length > limits.controlFrameBytes) {
      stats.count('ignoredMessages');
      return;
    }
    onMessage(bytes.toString());
  }

  #spend(): boolean {
    this.#options.stats.count('messages');
    if (this.#budget.take()) return true;
    this.close(1008, 'Too many requests');
    return false;
  }

  #pingLater(): void {
    const { clock, ws, limits } = this.#options;
    this.later(limits.pingEveryMs, () => {
      if (this.#mode === 'open') ws.ping(String(clock.now()));
      this.#pingLater();
    });
  }

  #awaitPong(): void {
    const { clock, limits, ws } = this.#options;
    this.#cancelPongDeadline();
    this.#cancelPongDeadline = clock.setTimer(limits.pongWithinMs, () => {
      this.#leave('no pong');
      ws.terminate();
    });
  }

  #leave(reason: string): void {
    this.#mode = 'closing';
    this.#options.stats.countClose(reason);
  }

  #closed(): void {
    this.#mode = 'closed';
    this.#cancelPongDeadline();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#options.onClosed();
  }
}

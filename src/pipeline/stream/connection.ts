import type { Cancel, Clock } from '../../lib/clock.js';
import type { Loss, LossReason } from './contract.js';
import type { OpenSocket, Socket } from './socket.js';

/** Everything from the first packet to the upgrade, however slowly the peer drips. */
const HANDSHAKE_MS = 5_000;
/** The exchange takes 10 messages a second, pongs included, and bans who sends more again and again. */
const SEND_EVERY_MS = 200;
const SILENCE_MS = 8_000;
/** From this many streams on, silence for `SILENCE_MS` is not believable; with fewer it may be a quiet market. */
export const BUSY_STREAMS = 8;
/** How long a live peer may take over the closing handshake. */
const CLOSE_MS = 1_000;

/** Runs a callback after the sockets were read once more; returns how to call it off. */
export type NextTurn = (callback: () => void) => Cancel;

/** The event loop polls its sockets between a timer and the immediates that the timer set. */
export const afterPoll: NextTurn = (callback) => {
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
};

/**
 * connecting ─► open ─► draining ─► closed, and from each straight to closed. `draining` is the closing handshake of a
 * connection that we no longer want: it neither sends nor hears. A timer belongs to the state that armed it, and leaves with it.
 */
type State =
  | { readonly mode: 'connecting'; readonly cancelTimer: Cancel }
  | { readonly mode: 'open'; cancelWatchdog: Cancel; cancelSend: Cancel | null }
  | { readonly mode: 'draining'; readonly cancelTimer: Cancel; readonly reason: LossReason }
  | { readonly mode: 'closed' };

export interface ConnectionOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly connect: OpenSocket;
  readonly nextTurn: NextTurn;
  readonly onMessage: (text: string) => void;
  readonly onBinary: () => void;
  /** Once, from whatever state; by then the connection is closed. */
  readonly onClosed: (loss: Loss) => void;
  /** Our event loop was late and the peer was not. */
  readonly onDeferred: () => void;
  /** The next control frame, asked for whenever one may go out; null when there is nothing to say. */
  readonly nextFrame: () => string | null;
  /** How many streams owe data, so that silence can be judged. */
  readonly expectedStreams: () => number;
}

/** One connection to the exchange: its life, the pace of what it sends, and the watch over its data. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #socket: Socket;
  readonly #settle: () => void;
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  #state: State;
  /** Monotonic ms of the last data, or of the last change that made more of it due. */
  #silentSince: number;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#silentSince = this.#clock.monotonic();
    let settle = () => {};
    this.closed = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settle = settle;
    const expired = () => this.#end({ reason: 'handshake', detail: `no WebSocket within ${HANDSHAKE_MS} ms` });
    this.#state = { mode: 'connecting', cancelTimer: this.#clock.setTimer(HANDSHAKE_MS, expired) };
    this.#socket = options.connect(options.url, {
      opened: () => this.#opened(),
      message: (text) => {
        if (this.#state.mode === 'open') options.onMessage(text);
      },
      binary: () => {
        if (this.#state.mode === 'open') options.onBinary();
      },
      closed: (loss) => this.#socketClosed(loss),
    });
  }

  get mode(): State['mode'] {
    return this.#state.mode;
  }

  /** Notes that data came. Only data counts: no acknowledgement, no ping and no open socket proves anything. */
  heard(): void {
    this.#silentSince = this.#clock.monotonic();
  }

  /** Sends what there is to say, as fast as the pace allows. */
  kick(): void {
    if (this.#state.mode === 'open' && this.#state.cancelSend === null) this.#send();
  }

  /** Ends cleanly with a peer that is alive; `closed` resolves when it is over. */
  drain(reason: LossReason): void {
    if (this.#state.mode === 'connecting') return this.#end({ reason, detail: 'before the handshake' });
    if (this.#state.mode !== 'open') return;
    this.#leave();
    const cancelTimer = this.#clock.setTimer(CLOSE_MS, () => this.#end({ reason, detail: 'the peer did not close' }));
    this.#state = { mode: 'draining', cancelTimer, reason };
    this.#socket.close();
  }

  /** Ends at once. */
  terminate(loss: Loss): void {
    this.#end(loss);
  }

  #opened(): void {
    if (this.#state.mode !== 'connecting') return;
    this.#leave();
    this.#state = { mode: 'open', cancelWatchdog: () => {}, cancelSend: null };
    this.heard();
    this.#watch();
    this.#send();
  }

  #send(): void {
    const state = this.#state;
    if (state.mode !== 'open') return;
    state.cancelSend = null;
    const patienceMs = this.#silenceMs();
    const frame = this.#options.nextFrame();
    if (frame === null) return;
    this.#socket.send(frame);
    this.#expect(patienceMs);
    state.cancelSend = this.#clock.setTimer(SEND_EVERY_MS, () => this.#send());
  }

  /** What was asked for may have changed how long silence is believable: streams that shorten it get the whole of it. */
  #expect(patienceBeforeMs: number): void {
    const state = this.#state;
    const patienceMs = this.#silenceMs();
    if (state.mode !== 'open' || patienceMs === patienceBeforeMs) return;
    if (patienceMs < patienceBeforeMs) this.heard();
    state.cancelWatchdog();
    this.#watch();
  }

  /** One timer that is moved on when it fires, so that a frame costs no timer. */
  #watch(): void {
    const state = this.#state;
    if (state.mode !== 'open') return;
    const silentSince = this.#silentSince;
    const leftMs = this.#patienceLeftMs();
    state.cancelWatchdog =
      leftMs > 0
        ? this.#clock.setTimer(leftMs, () => this.#watch())
        : this.#options.nextTurn(() => this.#judgeSilence(silentSince));
  }

  /**
   * Timers run before sockets are read: after a stall of our own, the data that proves the peer alive is still in the kernel.
   * So silence is judged one turn of the event loop later.
   */
  #judgeSilence(silentSince: number): void {
    if (this.#silentSince !== silentSince) this.#options.onDeferred();
    if (this.#patienceLeftMs() > 0) return this.#watch();
    const silentMs = this.#clock.monotonic() - this.#silentSince;
    this.#end({ reason: 'silent', detail: `no data for ${Math.round(silentMs)} ms` });
  }

  /** One expression for all who ask: a rounding that differs would have the watchdog ask again and again at one instant. */
  #patienceLeftMs(): number {
    return this.#silentSince + this.#silenceMs() - this.#clock.monotonic();
  }

  #silenceMs(): number {
    const streams = this.#options.expectedStreams();
    return SILENCE_MS * Math.max(1, BUSY_STREAMS / Math.max(1, streams));
  }

  #socketClosed(loss: Loss): void {
    const state = this.#state;
    this.#end(state.mode === 'draining' ? { reason: state.reason, detail: loss.detail } : loss);
    this.#settle();
  }

  #end(loss: Loss): void {
    if (this.#state.mode === 'closed') return;
    this.#leave();
    this.#state = { mode: 'closed' };
    this.#socket.terminate();
    this.#options.onClosed(loss);
  }

  #leave(): void {
    const state = this.#state;
    if (state.mode === 'open') {
      state.cancelWatchdog();
      state.cancelSend?.();
    } else if (state.mode !== 'closed') {
      state.cancelTimer();
    }
  }
}

import type { Loss, StreamHandlers, StreamNotice } from '../../src/pipeline/stream/contract.js';
import type { OpenSocket, Socket, SocketListener } from '../../src/pipeline/stream/socket.js';
import { type ControlFrame, controlFrame, type KlineFields, klineFrame } from './stream-frames.js';

/** The exchange's end of one connection, without a network: the test says what happens, and when. */
export class FakeSocket implements Socket {
  readonly url: string;
  readonly sent: string[] = [];
  /** Streams subscribed now. */
  readonly streams = new Set<string>();
  readonly #listener: SocketListener;
  state: 'connecting' | 'open' | 'closing' | 'closed' = 'connecting';
  /** A peer that is dead does not answer a close. */
  answersClose = true;

  constructor(url: string, listener: SocketListener) {
    this.url = url;
    this.#listener = listener;
  }

  get control(): ControlFrame[] {
    return this.sent.map(controlFrame);
  }

  open(): void {
    this.state = 'open';
    this.#listener.opened();
  }

  message(text: string): void {
    this.#listener.message(text);
  }

  kline(fields: KlineFields): void {
    this.message(klineFrame(fields));
  }

  end(loss: Loss = { reason: 'closed', detail: 'close 1001' }): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#listener.closed(loss);
  }

  send(text: string): void {
    this.sent.push(text);
    const { method, params } = controlFrame(text);
    for (const name of params) {
      if (method === 'SUBSCRIBE') this.streams.add(name);
      else this.streams.delete(name);
    }
  }

  close(): void {
    this.state = 'closing';
    if (this.answersClose) queueMicrotask(() => this.end({ reason: 'closed', detail: 'close 1000' }));
  }

  terminate(): void {
    queueMicrotask(() => this.end({ reason: 'network', detail: 'terminated' }));
  }
}

/** Every connection that was attempted; `onConnect` decides what happens to each. */
export class FakeExchange {
  readonly sockets: FakeSocket[] = [];
  onConnect: (socket: FakeSocket) => void = (socket) => queueMicrotask(() => socket.open());

  readonly connect: OpenSocket = (url, listener) => {
    const socket = new FakeSocket(url, listener);
    this.sockets.push(socket);
    this.onConnect(socket);
    return socket;
  };

  get live(): FakeSocket[] {
    return this.sockets.filter(({ state }) => state === 'open');
  }

  /** The live sockets on which the symbol's 5m klines are subscribed. */
  carrying(symbol: string): FakeSocket[] {
    return this.live.filter((socket) => socket.streams.has(`${symbol.toLowerCase()}@kline_5m`));
  }

  /** Sends one frame of the symbol on every connection that carries it. */
  kline(fields: KlineFields & { readonly symbol: string }): void {
    for (const socket of this.carrying(fields.symbol)) socket.kline(fields);
  }

  /** Sends a frame on every subscribed kline stream of every connection. */
  klines(fields: KlineFields, except: ReadonlySet<string> = new Set()): void {
    for (const socket of this.live) {
      for (const name of socket.streams) {
        if (name.startsWith('!')) continue;
        const symbol = name.slice(0, name.indexOf('@')).toUpperCase();
        if (!except.has(symbol)) socket.kline({ ...fields, symbol });
      }
    }
  }
}

/** Handlers that write down everything they are told. */
export class HandlerLog implements StreamHandlers {
  readonly closed: { symbol: string; openTime: number; close: number; how: string }[] = [];
  readonly forming: { symbol: string; close: number }[] = [];
  readonly revised: { symbol: string; close: number; previous: number }[] = [];
  readonly resumed: { symbols: readonly string[]; since: number | null }[] = [];
  readonly contracts: string[] = [];
  readonly notices: StreamNotice[] = [];

  readonly onClosed: StreamHandlers['onClosed'] = (symbol, _timeframe, row, how) => {
    this.closed.push({ symbol, openTime: row[0], close: row[4], how });
  };
  readonly onForming: StreamHandlers['onForming'] = (symbol, _timeframe, row) => {
    this.forming.push({ symbol, close: row[4] });
  };
  readonly onRevised: StreamHandlers['onRevised'] = (symbol, _timeframe, row, previous) => {
    this.revised.push({ symbol, close: row[4], previous: previous[4] });
  };
  readonly onResumed: StreamHandlers['onResumed'] = (symbols, since) => {
    this.resumed.push({ symbols, since });
  };
  readonly onContractInfo: StreamHandlers['onContractInfo'] = ({ symbol, status }) => {
    this.contracts.push(`${symbol} ${status}`);
  };
  readonly onNotice: StreamHandlers['onNotice'] = (notice) => {
    this.notices.push(notice);
  };
}

import { WebSocket } from 'ws';
import { candleIndex, candleOpenTime } from '../../src/sim/market/interval.js';
import type { Kline, Listing, Market } from '../../src/sim/market/market.js';
import { PERPETUAL_DELIVERY_DATE } from '../../src/sim/market/market.js';
import { type FakeClock, settled } from './fake-clock.js';
import { startTestSim, type TestSim } from './sim.js';

/** A kline event as it is on the wire. */
export interface WireKline {
  readonly e: 'kline';
  readonly E: number;
  readonly s: string;
  readonly k: {
    readonly t: number;
    readonly T: number;
    readonly s: string;
    readonly i: string;
    readonly f: number;
    readonly L: number;
    readonly o: string;
    readonly c: string;
    readonly h: string;
    readonly l: string;
    readonly v: string;
    readonly n: number;
    readonly x: boolean;
    readonly q: string;
    readonly V: string;
    readonly Q: string;
    readonly B: string;
  };
}

/** A client that writes down what it gets. Real sockets, so it waits for the event loop and never for the wall clock. */
export class StreamClient {
  readonly ws: WebSocket;
  readonly texts: string[] = [];
  readonly pings: string[] = [];
  ended: { readonly code: number; readonly reason: string } | null = null;
  error: (Error & { readonly code?: string }) | null = null;

  constructor(url: string, autoPong = true) {
    this.ws = new WebSocket(url, { autoPong, perMessageDeflate: false, maxPayload: 2 ** 20, maxFragments: 1_024 });
    this.ws.on('message', (data: Buffer) => this.texts.push(data.toString()));
    this.ws.on('ping', (data: Buffer) => this.pings.push(data.toString()));
    this.ws.on('close', (code, reason) => {
      this.ended = { code, reason: reason.toString() };
    });
    this.ws.on('error', (error) => {
      this.error = error;
    });
  }

  /** Resolves when the handshake is over, one way or the other. */
  async settled(): Promise<this> {
    await until(() => this.ws.readyState !== WebSocket.CONNECTING);
    return this;
  }

  get messages(): unknown[] {
    return this.texts.map((text) => JSON.parse(text) as unknown);
  }

  /** Events of raw streams. */
  get klines(): WireKline[] {
    return this.messages.filter((message) => (message as WireKline).e === 'kline') as WireKline[];
  }

  /** Sends a message and returns the next text that is no event. */
  async ask(message: object | string): Promise<unknown> {
    const before = this.replies.length;
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
    await until(() => this.replies.length > before || this.ended !== null);
    return this.replies[before];
  }

  get replies(): unknown[] {
    return this.messages.filter((message) => !('e' in (message as object)) && !('stream' in (message as object)));
  }

  /** Resolves when everything that was sent before has arrived: the answer to a ping comes last. */
  async sync(): Promise<void> {
    let answered = false;
    this.ws.once('pong', () => {
      answered = true;
    });
    this.ws.ping();
    await until(() => answered || this.ended !== null);
  }

  async end(): Promise<{ code: number; reason: string }> {
    await until(() => this.ended !== null);
    return this.ended as { code: number; reason: string };
  }
}

/** Turns the event loop until something that is already under way has happened; the test's own timeout ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settled();
}

export interface StreamRig {
  readonly sim: TestSim;
  readonly clock: FakeClock;
  /** Opens `path` and waits for the handshake. */
  open(path: string, autoPong?: boolean): Promise<StreamClient>;
  stop(): Promise<void>;
}

/** A simulator at `NOW` whose clients may say as much as tests need. */
export async function startRig(
  stream: NonNullable<Parameters<typeof startTestSim>[0]>['stream'] = {},
): Promise<StreamRig> {
  const sim = await startTestSim({ stream: { ...stream, limits: { messageBurst: 10_000, ...stream.limits } } });
  const clients: StreamClient[] = [];
  return {
    sim,
    clock: sim.clock,
    open: (path, autoPong) => {
      const client = new StreamClient(sim.streamUrl + path, autoPong);
      clients.push(client);
      return client.settled();
    },
    stop: async () => {
      for (const { ws } of clients) ws.terminate();
      await sim.stop();
    },
  };
}

/** A market of one symbol whose trades are told: each moves the price by one. */
export class ToldMarket implements Market {
  readonly listings: readonly Listing[];
  /** Epoch ms, ascending. */
  readonly trades: number[] = [];

  constructor(symbol = 'BTCUSDT') {
    this.listings = [listing(symbol)];
  }

  find(symbol: string): Listing | undefined {
    return this.listings.find((listing) => listing.symbol === symbol);
  }

  kline(_listing: Listing, interval: Parameters<Market['kline']>[1], openTime: number, now: number): Kline | null {
    if (openTime > now) return null;
    const end = candleOpenTime(interval, candleIndex(interval, openTime) + 1);
    const before = this.trades.filter((time) => time < openTime).length;
    const trades = this.trades.filter((time) => time >= openTime && time < end && time <= now).length;
    const [open, close] = [100 + before + (trades > 0 ? 1 : 0), 100 + before + trades].map(String) as [string, string];
    return {
      openTime,
      closeTime: end - 1,
      open,
      high: close,
      low: open,
      close,
      volume: String(trades),
      quoteVolume: String(trades * 100),
      trades,
      takerBase: '0',
      takerQuote: '0',
    };
  }

  page(): never {
    throw new Error('the stream asks for no pages');
  }

  span(): never {
    throw new Error('the stream asks for no spans');
  }
}

function listing(symbol: string): Listing {
  return {
    symbol,
    pair: symbol,
    contractType: 'PERPETUAL',
    status: 'TRADING',
    baseAsset: 'BTC',
    quoteAsset: 'USDT',
    onboardDate: 0,
    deliveryDate: PERPETUAL_DELIVERY_DATE,
    pricePrecision: 2,
    quantityPrecision: 3,
    tickSize: '0.01',
    stepSize: '0.001',
    underlyingType: 'COIN',
    underlyingSubType: [],
  };
}

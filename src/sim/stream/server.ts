import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import type { Random } from '../../lib/random.js';
import type { Listing, Market } from '../market/market.js';
import { Client } from './client.js';
import { contractInfoFrame } from './contract-info.js';
import { actOn } from './faults/actions.js';
import { Delivery } from './faults/delivery.js';
import type { ConnectionAction, StreamFaultInput } from './faults/rule.js';
import { StreamFaults } from './faults/stream-faults.js';
import { Handshakes, type Opened } from './handshakes.js';
import { KlineFeed } from './kline-feed.js';
import { EXCHANGE_LIMITS, EXCHANGE_PACING, type KlinePacing, type StreamLimits } from './limits.js';
import { Session } from './session.js';
import { type StreamStats, StreamStatsRecorder } from './stats.js';
import { strayFrame } from './stray.js';
import { CONTRACT_INFO_STREAM } from './stream-name.js';

export interface StreamServerOptions {
  readonly market: Market;
  readonly clock: Clock;
  readonly random: Random;
  /** What differs from the exchange's own. */
  readonly limits?: Partial<StreamLimits>;
  readonly pacing?: Partial<KlinePacing>;
  readonly faults?: readonly StreamFaultInput[];
}

export interface StreamServer {
  readonly faults: StreamFaults;
  /** For the `upgrade` event of an HTTP server; takes every path. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells who listens to `!contractInfo` how a contract stands. */
  announce(listing: Listing): void;
  stats(): StreamStats;
  /** Ends every connection at once; resolves when all are gone. May be called again. */
  stop(): Promise<void>;
}

/** The exchange's market streams: klines of all intervals and `!contractInfo`, with its limits and, if wanted, its faults. */
export function createStreamServer(options: StreamServerOptions): StreamServer {
  return new MarketStreams(options);
}

class MarketStreams implements StreamServer {
  readonly #options: StreamServerOptions;
  readonly #limits: StreamLimits;
  readonly #stats = new StreamStatsRecorder();
  readonly #handshakes: Handshakes;
  readonly #delivery: Delivery;
  readonly #klines: KlineFeed<Client>;
  readonly #contractListeners = new Set<Client>();
  /** By the number of their connection. */
  readonly #sessions = new Map<number, Session>();
  #opened = 0;
  #stopped: Promise<void> | null = null;
  readonly faults: StreamFaults;

  constructor(options: StreamServerOptions) {
    const { market, clock, random } = options;
    this.#options = options;
    this.#limits = { ...EXCHANGE_LIMITS, ...options.limits };
    this.faults = new StreamFaults({
      clock,
      random,
      connections: () => [...this.#sessions.keys()],
      act: (connection, action) => this.#act(connection, action),
    });
    this.#handshakes = new Handshakes({
      clock,
      faults: this.faults,
      stats: this.#stats,
      connectAttempts: this.#limits.connectAttempts,
      onOpened: (opened) => this.#open(opened),
    });
    this.#delivery = new Delivery(this.faults);
    this.#klines = new KlineFeed({
      market,
      clock,
      pacing: { ...EXCHANGE_PACING, ...options.pacing },
      deliver: (frame, clients) => this.#delivery.deliver(frame, clients),
      batch: (tick) => this.#corked(tick),
    });
    if (options.faults !== undefined) this.faults.add(options.faults);
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#handshakes.handle(request, socket, head);
  }

  announce(listing: Listing): void {
    this.#delivery.deliver(contractInfoFrame(listing, this.#options.clock.now()), this.#contractListeners);
  }

  stats(): StreamStats {
    const connections = [...this.#sessions.values()].map(({ client, path, size }) => {
      return { id: client.id, path, streams: size, mode: client.mode, bufferedBytes: client.bufferedBytes };
    });
    return this.#stats.snapshot(connections, this.#klines.size);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.faults.clear();
    await this.#handshakes.stop();
    this.#klines.stop();
  }

  #open({ ws, socket, path, route }: Opened): void {
    this.#opened += 1;
    this.#stats.count('opened');
    const client: Client = new Client({
      id: this.#opened,
      ws,
      socket,
      combined: route.combined,
      clock: this.#options.clock,
      limits: this.#limits,
      stats: this.#stats,
      onMessage: (text) => session.receive(text),
      onClosed: () => {
        session.end();
        this.#sessions.delete(client.id);
      },
    });
    const session = new Session({
      client,
      path,
      mostStreams: this.#limits.streamsPerConnection,
      faults: this.faults,
      stats: this.#stats,
      subscribe: (name) => route.served && this.#subscribe(name, client),
      unsubscribe: (name) => this.#unsubscribe(name, client),
    });
    this.#sessions.set(client.id, session);
    session.subscribe(route.streams, null);
  }

  #subscribe(name: string, client: Client): void {
    if (name === CONTRACT_INFO_STREAM) this.#contractListeners.add(client);
    else this.#klines.subscribe(name, client);
  }

  #unsubscribe(name: string, client: Client): void {
    if (name === CONTRACT_INFO_STREAM) this.#contractListeners.delete(client);
    else this.#klines.unsubscribe(name, client);
  }

  #act(connection: number, action: ConnectionAction): void {
    const session = this.#sessions.get(connection);
    if (session === undefined) return;
    const { market, clock, random } = this.#options;
    const now = clock.now();
    actOn(session.client, action, {
      now,
      random,
      strayFrame: ({ symbol, interval }) =>
        strayFrame(market, { symbol, interval, now, isSubscribed: (name) => session.has(name) }),
    });
  }

  /** One write for each connection and tick: a system call for every frame would cost more than the frames. */
  #corked(tick: () => void): void {
    const clients = [...this.#sessions.values()].map(({ client }) => client);
    for (const client of clients) client.cork();
    try {
      tick();
    } finally {
      for (const client of clients) client.uncork();
    }
  }
}

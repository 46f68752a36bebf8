import type { Timeframe } from '../../domain/timeframe.js';
import type { Cancel, Clock } from '../../lib/clock.js';
import type { Random } from '../../lib/random.js';
import type { ConnectBudget } from './connect-budget.js';
import type { NextTurn } from './connection.js';
import type { Loss, LossReason } from './contract.js';
import type { StreamEvent } from './frames.js';
import { Link, type LinkListener } from './link.js';
import type { OpenSocket } from './socket.js';
import { CONTRACT_INFO_STREAM, klineStream, type Subscriptions } from './subscriptions.js';

const HOUR_MS = 3_600_000;
/** The exchange cuts a connection at 24 h; ages differ, so that not all are renewed in the same minute. */
const ROTATE_AFTER_MS = 20 * HOUR_MS;
const ROTATE_SPREAD_MS = 3 * HOUR_MS;
/** How long a new connection may take to confirm what the old one has; streams that turned quiet never do. */
const TAKEOVER_MS = 60_000;
/** A close reaches us up to 2.3 s late, so one that was due just before the last data may still have been under way. */
const CLOSE_LAG_MS = 5_000;

/** What a shard tells the source. */
export interface ShardListener {
  onEvent(event: StreamEvent): void;
  onBinary(): void;
  onDeferred(): void;
  /** Data came on a new connection. */
  onProven(): void;
  onResumed(symbols: readonly string[], since: number | null): void;
  /** A connection ended against our will. `symbols`: those without one now; `mute`: it was subscribed and never brought data. */
  onLost(loss: Loss, symbols: readonly string[], mute: boolean): void;
  /** A successor took over. */
  onReplaced(reason: LossReason): void;
}

export interface ShardOptions {
  readonly url: string;
  readonly timeframe: Timeframe;
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: ConnectBudget;
  readonly connect: OpenSocket;
  readonly nextTurn: NextTurn;
  readonly listener: ShardListener;
}

/**
 * A fixed place for some symbols: keeps one connection alive for them, and replaces it without a gap when it comes of age (the
 * successor brings data before the old one goes; the overlap's duplicates are harmless).
 */
export class Shard {
  readonly #options: ShardOptions;
  readonly #symbols = new Set<string>();
  /** Every link whose socket still exists, retired ones included. */
  readonly #links = new Set<Link>();
  readonly #linkListener: LinkListener;
  #active: Link | null = null;
  #rotateAt = Number.POSITIVE_INFINITY;
  #successor: Link | null = null;
  #successorReason: LossReason = 'rotation';
  #cancelRequest: Cancel | null = null;
  #cancelTakeover: Cancel | null = null;
  #since: number | null = null;
  #hearsContractInfo = false;
  #stopped = false;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#linkListener = {
      onEvent: (link, event) => this.#received(link, event),
      onProven: (link) => this.#proven(link),
      onLost: (link, loss) => this.#lost(link, loss),
      onBinary: () => options.listener.onBinary(),
      onDeferred: () => options.listener.onDeferred(),
    };
  }

  start(): void {
    if (this.#stopped || this.#active !== null || this.#cancelRequest !== null) return;
    this.#request(() => this.#activate(this.#open()));
  }

  /** Resolves when every socket is gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelWaits();
    const links = [...this.#links];
    for (const link of links) link.drain('stopped');
    await Promise.all(links.map((link) => link.closed));
  }

  add(symbol: string): void {
    this.#symbols.add(symbol);
    this.#change((subscriptions) => subscriptions.want(this.#nameOf(symbol)));
  }

  remove(symbol: string): void {
    this.#symbols.delete(symbol);
    this.#change((subscriptions) => subscriptions.drop(this.#nameOf(symbol)));
  }

  /** Subscribes silent streams again. */
  renew(symbols: readonly string[]): void {
    this.#change((subscriptions) => {
      for (const symbol of symbols) subscriptions.renew(this.#nameOf(symbol));
    });
  }

  hearContractInfo(): void {
    this.#hearsContractInfo = true;
    this.#change((subscriptions) => subscriptions.want(CONTRACT_INFO_STREAM));
  }

  /** True when the symbol's stream was asked for before `time` (epoch ms) on the connection in use. */
  wasSentBefore(symbol: string, time: number): boolean {
    return this.#active?.subscriptions.wasSentBefore(this.#nameOf(symbol), time) ?? false;
  }

  rotateIfDue(): void {
    if (this.#options.clock.monotonic() >= this.#rotateAt) this.#rotate('rotation');
  }

  /** Adds this shard's connections and streams to the totals. */
  countInto(connections: Record<string, number>, streams: Record<string, number>): void {
    const count = (into: Record<string, number>, key: string, by: number) => {
      into[key] = (into[key] ?? 0) + by;
    };
    if (this.#cancelRequest !== null) count(connections, 'waiting', 1);
    for (const { mode } of this.#links) if (mode !== 'closed') count(connections, mode, 1);
    if (this.#active === null) return count(streams, 'wanted', this.#symbols.size);
    for (const [state, number] of Object.entries(this.#active.subscriptions.counts())) count(streams, state, number);
  }

  #nameOf(symbol: string): string {
    return klineStream(symbol, this.#options.timeframe);
  }

  #change(change: (subscriptions: Subscriptions) => void): void {
    this.#active?.change(change);
    this.#successor?.change(change);
  }

  /** Waits for a turn to connect. */
  #request(connect: () => void): void {
    let granted = false;
    const cancel = this.#options.budget.request(() => {
      granted = true;
      this.#cancelRequest = null;
      connect();
    });
    if (!granted) this.#cancelRequest = cancel;
  }

  #open(): Link {
    const { url, clock, connect, nextTurn } = this.#options;
    const names = [...this.#symbols].map((symbol) => this.#nameOf(symbol));
    if (this.#hearsContractInfo) names.unshift(CONTRACT_INFO_STREAM);
    const link = new Link({ url, names, clock, connect, nextTurn, listener: this.#linkListener });
    this.#links.add(link);
    void link.closed.then(() => this.#links.delete(link));
    return link;
  }

  #activate(link: Link): void {
    this.#active = link;
    this.#rotateAt = link.attemptedAt + ROTATE_AFTER_MS + this.#options.random() * ROTATE_SPREAD_MS;
  }

  /** Brings up a successor; the active connection stays until that one carries its streams. */
  #rotate(reason: LossReason): void {
    if (this.#active?.mode !== 'open' || this.#successor !== null || this.#cancelRequest !== null) return;
    this.#request(() => {
      this.#successor = this.#open();
      this.#successorReason = reason;
      this.#cancelTakeover = this.#options.clock.setTimer(TAKEOVER_MS, () => this.#endOverlap());
    });
  }

  #received(link: Link, event: StreamEvent): void {
    this.#options.listener.onEvent(event);
    if (event.kind === 'shutdown' && link === this.#active) this.#rotate('shutdown');
    if (link === this.#successor && this.#active !== null && link.covers(this.#active)) this.#takeOver();
  }

  #proven(link: Link): void {
    this.#options.budget.proven();
    this.#options.listener.onProven();
    if (link === this.#active) this.#resumed();
  }

  #resumed(): void {
    this.#options.listener.onResumed([...this.#symbols], this.#since);
  }

  #endOverlap(): void {
    const detail = `no data within ${TAKEOVER_MS} ms of the handshake's start`;
    if (this.#successor?.provenAt === null) this.#successor.terminate({ reason: 'silent', detail });
    else this.#takeOver();
  }

  #takeOver(): void {
    const old = this.#active;
    this.#promote();
    old?.drain(this.#successorReason);
    this.#options.listener.onReplaced(this.#successorReason);
  }

  /** The successor, if there is one, becomes the active link. */
  #promote(): void {
    this.#cancelWaits();
    const successor = this.#successor;
    this.#successor = null;
    this.#active = null;
    if (successor !== null) this.#activate(successor);
  }

  /** A link that is neither active nor successor was retired by us: its end is no news. */
  #lost(link: Link, loss: Loss): void {
    if (this.#stopped || (link !== this.#active && link !== this.#successor)) return;
    const { budget, listener } = this.#options;
    budget.lost(link);
    if (link === this.#successor) {
      this.#cancelWaits();
      this.#successor = null;
      return listener.onLost(loss, [], link.isMute);
    }
    if (link.lastEventTime !== null) this.#since = link.lastEventTime - CLOSE_LAG_MS;
    this.#promote();
    listener.onLost(loss, [...this.#symbols], link.isMute);
    this.start();
    if (typeof this.#active?.provenAt === 'number') this.#resumed();
  }

  #cancelWaits(): void {
    this.#cancelRequest?.();
    this.#cancelRequest = null;
    this.#cancelTakeover?.();
    this.#cancelTakeover = null;
  }
}

import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/lib/random.js';
import type { AnyFaultInput } from '../../src/sim/control.js';
import type { SimStats } from '../../src/sim/stats.js';
import type { StreamStats } from '../../src/sim/stream/stats.js';

const SECOND = 1_000;
/** Requests that were on their way when the gate closed. */
const IN_FLIGHT_MS = 1_500;
/** What the comparing of candles asks for; no fault is for it. */
const OURS = '/fapi/v1/continuousKlines';
const THEIRS = ['/fapi/v1/klines', '/fapi/v1/time', '/fapi/v1/exchangeInfo'];

/** The control endpoints of an embedded exchange in another process. */
export class Control {
  readonly #restUrl: string;

  constructor(restUrl: string) {
    this.#restUrl = restUrl;
  }

  async add(rule: AnyFaultInput): Promise<string> {
    const { ids } = await this.#ask<{ ids: string[] }>('/sim/faults', { method: 'POST', body: JSON.stringify(rule) });
    return ids[0] as string;
  }

  /** Takes one rule away, and returns how often it struck. */
  async remove(id: string): Promise<number> {
    const { faults } = await this.#ask<{ faults: { id: string; fired: number }[] }>('/sim/faults');
    await this.#ask(`/sim/faults?id=${encodeURIComponent(id)}`, { method: 'DELETE' });
    return faults.find((fault) => fault.id === id)?.fired ?? 0;
  }

  async struck(id: string): Promise<boolean> {
    const { faults } = await this.#ask<{ faults: { id: string; fired: number }[] }>('/sim/faults');
    return faults.some((fault) => fault.id === id && fault.fired > 0);
  }

  stats(): Promise<SimStats> {
    return this.#ask('/sim/stats');
  }

  stream(): Promise<StreamStats> {
    return this.#ask('/sim/stream');
  }

  async #ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(this.#restUrl + path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}

type Name = keyof typeof FAULTS;

interface Draw {
  readonly symbols: (count: number) => string[];
  readonly upTo: (ms: number) => number;
  /** Number of one of the connections that stand. */
  readonly connection: number;
}

const frame = { target: 'stream', on: 'frame' } as const;
const cut = ({ connection }: Draw) => ({ target: 'stream', on: 'connection', connection }) as const;
const klines = { path: '/fapi/v1/klines' };

/** What can go wrong, and how long the cause is there. */
const FAULTS = {
  lostClosing: (draw) => [{ ...frame, closed: true, symbol: draw.symbols(12), action: { type: 'drop' } }, 70],
  lost: () => [{ ...frame, probability: 0.3, action: { type: 'drop' } }, 20],
  doubled: () => [{ ...frame, probability: 0.3, action: { type: 'repeat', times: 3 } }, 30],
  reordered: (draw) => [{ ...frame, symbol: draw.symbols(20), everyNth: 2, action: { type: 'reorder' } }, 30],
  delayed: (draw) => [
    { ...frame, symbol: draw.symbols(20), action: { type: 'delay', delayMs: 200 + draw.upTo(8 * SECOND) } },
    30,
  ],
  muteStreams: (draw) => [{ ...frame, symbol: draw.symbols(3), action: { type: 'drop' } }, 100],
  muteSubscription: () => [
    { target: 'stream', on: 'request', method: 'SUBSCRIBE', count: 1, action: { type: 'ackOnly' } },
    60,
  ],
  stray: (draw) => [{ ...cut(draw), action: { type: 'strayEvent', interval: '1m' } }, 1],
  reset: (draw) => [{ ...cut(draw), action: { type: 'close', code: 1006 } }, 1],
  ended: (draw) => [{ ...cut(draw), action: { type: 'end' } }, 1],
  frozen: (draw) => [{ ...cut(draw), action: { type: 'freeze' } }, 1],
  shutdown: (draw) => [{ ...cut(draw), action: { type: 'serverShutdown' } }, 1],
  garbage: (draw) => [{ ...cut(draw), action: { type: 'garbage' } }, 1],
  refusedHandshakes: () => [
    { target: 'stream', on: 'handshake', probability: 0.7, action: { type: 'status', status: 503 } },
    20,
  ],
  unavailable: (draw) => [{ ...klines, count: 5 + draw.upTo(20), action: { type: 'unavailable' } }, 60],
  slow: (draw) => [{ ...klines, probability: 0.5, action: { type: 'slow', delayMs: draw.upTo(6 * SECOND) } }, 60],
  brokenReplies: () => [{ ...klines, probability: 0.3, action: { type: 'cut', bytes: 100 } }, 60],
  oldReplies: () => [{ ...klines, probability: 0.2, action: { type: 'rows', change: 'dropLast' } }, 60],
} satisfies Record<string, (draw: Draw) => [rule: AnyFaultInput, forSeconds: number]>;

export interface StormOptions {
  readonly control: Control;
  readonly random: Random;
  readonly symbols: readonly string[];
}

/** Puts faults in and takes them out, one every few seconds and some at a time, each kind in its turn. */
export class Storm {
  /** How often each kind of fault struck. */
  readonly strikes: Partial<Record<Name, number>> = {};
  /** Requests that came while the exchange had said that none may. */
  requestsWhileClosed = 0;
  readonly #options: StormOptions;
  readonly #calm = new AbortController();
  readonly #faults = new Set<Promise<void>>();
  #blowing: Promise<void> = Promise.resolve();

  constructor(options: StormOptions) {
    this.#options = options;
    // Every fault that is in waits for it.
    setMaxListeners(0, this.#calm.signal);
  }

  begin(everyMs: number): void {
    this.#blowing = this.#blow(everyMs);
  }

  /** Resolves when every fault has been taken out. Rejects when one could not be put in. */
  async end(): Promise<void> {
    this.#calm.abort();
    await this.#blowing;
    await Promise.all(this.#faults);
  }

  /** Has the next request refused, and counts the requests that come before the time is up. */
  async closeGate(type: 'limited' | 'banned', forSeconds: number): Promise<void> {
    const { control } = this.#options;
    const retryAfter = String(forSeconds);
    const action = type === 'banned' ? { type, forMs: forSeconds * SECOND, retryAfter } : { type, retryAfter };
    const id = await control.add({ path: THEIRS, count: 1, action });
    while (!(await control.struck(id))) await sleep(100);
    await sleep(IN_FLIGHT_MS);
    const before = await this.#requests();
    await sleep(forSeconds * SECOND - IN_FLIGHT_MS - SECOND);
    this.requestsWhileClosed += (await this.#requests()) - before;
    await control.remove(id);
  }

  async #requests(): Promise<number> {
    const { requests, total } = await this.#options.control.stats();
    return total - (requests[OURS] ?? 0);
  }

  async #blow(everyMs: number): Promise<void> {
    const names = Object.keys(FAULTS) as Name[];
    for (let turn = 0; !this.#calm.signal.aborted; turn++) {
      // Each kind once before one comes again, in another order each time.
      const [name] = names.splice(Math.floor(this.#options.random() * names.length), 1) as [Name];
      if (names.length === 0) names.push(...(Object.keys(FAULTS) as Name[]));
      const fault = this.#suffer(name);
      this.#faults.add(fault);
      void fault.then(
        () => this.#faults.delete(fault),
        () => undefined,
      );
      await this.#pause(everyMs);
    }
  }

  async #suffer(name: Name): Promise<void> {
    const { control } = this.#options;
    const { connections } = await control.stream();
    const connection = this.#anyOf(connections.map(({ id }) => id)) ?? 1;
    const [rule, forSeconds] = FAULTS[name]({
      connection,
      symbols: (count) => Array.from({ length: count }, () => this.#anyOf(this.#options.symbols) as string),
      upTo: (most) => Math.floor(this.#options.random() * most),
    });
    const id = await control.add(rule);
    await this.#pause(forSeconds * SECOND);
    this.strikes[name] = (this.strikes[name] ?? 0) + (await control.remove(id));
  }

  #anyOf<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#options.random() * items.length)];
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#calm.signal }).catch(() => undefined);
  }
}

import { setMaxListeners } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { ExchangeError, type ExchangeErrorKind } from '../../domain/errors.js';
import type { Clock } from '../../lib/clock.js';
import type { Random } from '../../lib/random.js';
import { RetryBudget, retry } from '../../lib/retry.js';
import { Turnstile } from '../../lib/turnstile.js';
import { Breaker } from './breaker.js';
import { type CcxtExchange, planRequest } from './ccxt.js';
import { heldUntil, kindOf, readRefused, refusalError } from './classify.js';
import type { ExchangeStats, Lane, RequestLimits, RequestOptions } from './contract.js';
import { unpack } from './decode.js';
import type { WeightGovernor } from './governor.js';
import { type HttpReply, isReset, Transport } from './transport.js';
import type { Permit } from './weight-window.js';

/** Making a request ready, or reading its reply, takes a good part of a millisecond: a whole window would block the loop. */
const REQUESTS_PER_TURN = 8;
const REPLIES_PER_TURN = 8;
const RETRIES = 2;
const BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 2_000;

export type Endpoint = 'klines' | 'time' | 'exchangeInfo' | 'ticker/24hr';

/** One request that went out; a retry is another one. */
export interface RequestEvent {
  readonly endpoint: Endpoint;
  readonly outcome: 'ok' | ExchangeErrorKind | 'aborted';
  readonly durationMs: number;
}

export type OnRequest = (event: RequestEvent) => void;

export interface RequesterOptions extends RequestLimits {
  readonly exchange: CcxtExchange;
  readonly governor: WeightGovernor;
  readonly clock: Clock;
  readonly random: Random;
  readonly onRequest?: OnRequest;
}

/** What to ask and how to read the answer. */
export interface Query<T> {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string | number>>;
  /** Of the body, unpacked. */
  readonly maxBytes: number;
  /** Takes the unpacked body, the time from writing the request to the end of the reply, its headers; throws `badPayload`. */
  readonly read: (body: Buffer, roundTripMs: number, headers: IncomingHttpHeaders) => T;
}

interface Attempt<T> extends Query<T> {
  readonly signal: AbortSignal;
  readonly permit: Permit;
  /** Whether the request has been written, so that the exchange may have counted it. */
  sent: boolean;
}

/** What each lane has for itself, so that a bulk load that hangs or fails holds back nothing urgent. */
interface Way {
  readonly breaker: Breaker;
  readonly transport: Transport;
}

/** The gate closed between charging a request and writing it. */
const TAKEN_BACK = Symbol('taken back');

/**
 * Brings a query to the exchange and its answer back: the governor says when, ccxt what it costs and where it goes,
 * the breaker whether it is worth it, the transport carries it; what failed and can be helped is tried again.
 */
export class Requester {
  readonly #options: RequesterOptions;
  readonly #origin: string;
  readonly #ways: Readonly<Record<Lane, Way>>;
  readonly #retryBudget = new RetryBudget();
  readonly #departures = new Turnstile(REQUESTS_PER_TURN);
  readonly #arrivals = new Turnstile(REPLIES_PER_TURN);
  readonly #closing = new AbortController();
  readonly #scopes = new WeakMap<AbortSignal, AbortSignal>();
  readonly #counts = { total: 0, failed: 0, retried: 0, throttled: 0, weight: 0 };

  constructor(options: RequesterOptions) {
    const { exchange, clock, window: connections, requestTimeoutMs } = options;
    this.#options = options;
    this.#origin = new URL(exchange.urls.api.fapiPublic as string).origin;
    const way = (): Way => ({
      breaker: new Breaker(clock),
      transport: new Transport({ origin: this.#origin, connections, requestTimeoutMs, clock }),
    });
    this.#ways = { urgent: way(), bulk: way() };
    setMaxListeners(0, this.#closing.signal);
  }

  /** For the requests to come; those under way end as they began. */
  reconfigure({ window: connections, requestTimeoutMs }: RequestLimits): void {
    for (const { transport } of Object.values(this.#ways)) transport.reconfigure({ connections, requestTimeoutMs });
  }

  stats(): ExchangeStats {
    return { ...this.#counts, weightLimit: this.#options.governor.weightLimit };
  }

  /** Fails every query under way with `unreachable` and closes the sockets. */
  async close(): Promise<void> {
    this.#closing.abort(closedError());
    await Promise.all(Object.values(this.#ways).map(({ transport }) => transport.close()));
  }

  async ask<T>(query: Query<T>, { lane, signal }: RequestOptions): Promise<T> {
    await this.#departures.pass();
    this.#closing.signal.throwIfAborted();
    signal?.throwIfAborted();
    const scope = this.#scopeOf(signal);
    try {
      return await this.#withRetries(() => this.#attempt(query, lane, scope), scope);
    } catch (error) {
      if (error instanceof ExchangeError) this.#counts.failed += 1;
      throw error;
    }
  }

  /** Fires when the caller's signal does or the client is closed; one for all requests of a cycle. */
  #scopeOf(signal: AbortSignal | undefined): AbortSignal {
    if (signal === undefined) return this.#closing.signal;
    const known = this.#scopes.get(signal);
    if (known !== undefined) return known;
    const scope = AbortSignal.any([signal, this.#closing.signal]);
    // A listener for each request of a window is no leak: every one removes its own.
    setMaxListeners(0, scope);
    this.#scopes.set(signal, scope);
    return scope;
  }

  #withRetries<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, random } = this.#options;
    return retry(attempt, {
      retries: RETRIES,
      isRetryable: (error) => error instanceof ExchangeError && error.retryable,
      retryAfterMs: (error, count) => {
        // The governor is what waits until the exchange takes requests again.
        const { kind } = error as ExchangeError;
        const atOnce = (count === 1 && isReset(error as ExchangeError)) || kind === 'throttled';
        return atOnce ? 0 : null;
      },
      backoffMs: BACKOFF_MS,
      longestBackoffMs: LONGEST_BACKOFF_MS,
      budget: this.#retryBudget,
      clock,
      random,
      signal,
      onRetry: () => {
        this.#counts.retried += 1;
      },
    });
  }

  async #attempt<T>(query: Query<T>, lane: Lane, signal: AbortSignal): Promise<T> {
    const { governor, exchange } = this.#options;
    const way = this.#ways[lane];
    const { weight, url } = planRequest(exchange, query.endpoint, query.params);
    for (;;) {
      if (way.breaker.isOpen) throw way.breaker.openError();
      const permit = await governor.acquire(weight, lane, signal);
      const answer = await this.#fetch(way, url, { ...query, signal, permit, sent: false });
      if (answer !== TAKEN_BACK) return answer;
    }
  }

  async #fetch<T>({ breaker, transport }: Way, url: string, attempt: Attempt<T>): Promise<T | typeof TAKEN_BACK> {
    const { governor } = this.#options;
    const path = url.slice(this.#origin.length);
    try {
      return await breaker.run(() => this.#send(transport, path, attempt), attempt.signal);
    } finally {
      // Neither does anything when the reply has settled the permit.
      if (attempt.sent) governor.lose(attempt.permit);
      else governor.refund(attempt.permit);
    }
  }

  async #send<T>(transport: Transport, path: string, attempt: Attempt<T>): Promise<T | typeof TAKEN_BACK> {
    const { governor, clock } = this.#options;
    let startedMs = clock.monotonic();
    const mayStart = () => {
      startedMs = clock.monotonic();
      attempt.sent = governor.closedForMs === 0;
      return attempt.sent;
    };
    let outcome: RequestEvent['outcome'] | null = 'aborted';
    try {
      const reply = await transport.get(path, { signal: attempt.signal, mayStart });
      outcome = reply === null ? null : 'ok';
      if (reply === null) return TAKEN_BACK;
      const roundTripMs = clock.monotonic() - startedMs;
      await this.#arrivals.pass();
      return this.#read(reply, attempt, roundTripMs);
    } catch (error) {
      if (error instanceof ExchangeError) outcome = error.kind;
      throw error;
    } finally {
      if (outcome !== null) this.#record(attempt, outcome, clock.monotonic() - startedMs);
    }
  }

  #read<T>(reply: HttpReply, { permit, maxBytes, read }: Attempt<T>, roundTripMs: number): T {
    const { governor, random } = this.#options;
    const used = usedWeight(reply.headers);
    if (reply.status === 200) {
      governor.settle(permit, used);
      return read(unpack(reply.body, reply.headers['content-encoding'], maxBytes), roundTripMs, reply.headers);
    }
    const refused = readRefused(reply);
    const kind = kindOf(refused);
    if (kind !== 'throttled' && kind !== 'banned') {
      governor.settle(permit, used);
      throw refusalError(refused);
    }
    // The gate closes first, because settling lets out whoever waits.
    governor.hold(heldUntil(refused, reply.headers, governor.exchangeNow(), random), kind);
    governor.settle(permit, used);
    this.#counts.throttled += 1;
    throw refusalError(refused, governor.closedUntil ?? undefined);
  }

  #record({ endpoint, permit }: Attempt<unknown>, outcome: RequestEvent['outcome'], durationMs: number): void {
    this.#counts.total += 1;
    this.#counts.weight += permit.weight;
    this.#options.onRequest?.({ endpoint, outcome, durationMs });
  }
}

/** Weight that the exchange has counted in this UTC minute for our address, or null when the reply does not say. */
function usedWeight(headers: IncomingHttpHeaders): number | null {
  const used = headers['x-mbx-used-weight-1m'];
  return typeof used === 'string' && /^\d{1,9}$/.test(used) ? Number(used) : null;
}

function closedError(): ExchangeError {
  return new ExchangeError('unreachable', 'the exchange client has been closed');
}

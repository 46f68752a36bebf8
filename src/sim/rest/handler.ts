import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.js';
import type { Random } from '../../lib/random.js';
import type { Faults } from '../faults/faults.js';
import { faultReply } from '../faults/replies.js';
import type { FaultAction } from '../faults/rule.js';
import { sendFaulty } from '../faults/wire.js';
import type { Market } from '../market/market.js';
import type { StatsRecorder } from '../stats.js';
import { ApiError } from './api-error.js';
import type { Endpoint } from './endpoint.js';
import { bannedReply, contentReply, jsonReply, limitedReply, type Reply, unknownPathReply } from './reply.js';
import { endpoints } from './router.js';
import { sendReply } from './send.js';
import type { Verdict, WeightLedger } from './weight.js';

export interface RestHandlerOptions {
  readonly market: Market;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: WeightLedger;
  readonly faults: Faults;
  readonly stats: StatsRecorder;
  readonly weightLimit: number;
  /** Whether 429 and 418 carry `Retry-After`. */
  readonly retryAfter: boolean;
  /** Of a whole round trip; half of it passes before the request is looked at. */
  readonly latencyMs: number;
  /** Up to this much more, uniformly. */
  readonly jitterMs: number;
}

interface Call {
  readonly path: string;
  readonly method: string;
  readonly params: URLSearchParams;
  readonly gzip: boolean;
  readonly verdict: Verdict;
  /** Undefined for an unknown path. */
  readonly endpoint: Endpoint | undefined;
  readonly fault: FaultAction | null;
}

/** One request of the exchange's API: weight, faults, latency, reply. */
export class RestHandler {
  readonly #options: RestHandlerOptions;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;

  constructor(options: RestHandlerOptions) {
    this.#options = options;
    this.#endpoints = endpoints(options.market, options.weightLimit);
  }

  handle(request: IncomingMessage, response: ServerResponse, path: string, search: string): void {
    const { latencyMs, jitterMs, random, clock } = this.#options;
    const roundTripMs = latencyMs + (jitterMs > 0 ? jitterMs * random() : 0);
    if (roundTripMs === 0) {
      this.#reply(this.#receive(request, path, search), response, 0);
      return;
    }
    const cancel = clock.setTimer(roundTripMs / 2, () => {
      this.#reply(this.#receive(request, path, search), response, roundTripMs / 2);
    });
    response.once('close', cancel);
  }

  /** Weighs the request and sees which fault strikes it. */
  #receive(request: IncomingMessage, path: string, search: string): Call {
    const { clock, ledger, stats, faults } = this.#options;
    const now = clock.now();
    const params = new URLSearchParams(search);
    const method = request.method ?? 'GET';
    const endpoint = method === 'GET' ? this.#endpoints.get(path) : undefined;
    const weight = endpoint?.weight(params) ?? 1;
    const verdict = ledger.charge(request.socket.remoteAddress ?? '', weight, now);
    this.#record(path, params, endpoint, verdict, weight, now);
    const symbol = (params.get('symbol') ?? params.get('pair'))?.toUpperCase() ?? null;
    const fault = faults.strike({ path, symbol, interval: params.get('interval') });
    if (fault !== null) stats.count('faulted');
    const gzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    return { path, method, params, gzip, verdict, endpoint, fault };
  }

  #record(
    path: string,
    params: URLSearchParams,
    endpoint: Endpoint | undefined,
    verdict: Verdict,
    weight: number,
    now: number,
  ): void {
    const { stats, market } = this.#options;
    stats.request(endpoint === undefined ? 'unknown' : path, weight, now);
    if (endpoint === undefined) stats.count('unknownPaths');
    if (verdict.kind === 'limited') stats.count('overruns');
    if (verdict.kind === 'banned') stats.count('whileBanned');
    if (!path.endsWith('lines')) return;
    if (!params.has('limit')) stats.count('klinesWithoutLimit');
    const listing = market.find((params.get('symbol') ?? '').toUpperCase());
    if (listing === undefined) return;
    stats.symbol(listing.symbol);
    if (listing.status !== 'TRADING') stats.count('nonTrading');
  }

  #reply(call: Call, response: ServerResponse, delayMs: number): void {
    const { clock, random, weightLimit } = this.#options;
    const now = clock.now();
    const head = { date: now, usedWeight: call.verdict.used };
    const { fault } = call;
    const regular = this.#regular(call, now);
    const send = () => {
      if (fault === null) return sendReply(response, head, regular);
      const reply = faultReply(fault, { now, weightLimit, random, regular });
      sendFaulty(fault, { response, head, reply, clock });
    };
    if (delayMs === 0) {
      send();
      return;
    }
    response.once('close', clock.setTimer(delayMs, send));
  }

  #regular(call: Call, now: number): Reply {
    const { verdict, endpoint, params } = call;
    const { weightLimit } = this.#options;
    if (verdict.kind === 'limited') return limitedReply(weightLimit, this.#retryAfter(verdict.retryAfterMs));
    if (verdict.kind === 'banned') return bannedReply(verdict.until, this.#retryAfter(verdict.retryAfterMs));
    if (endpoint === undefined) return unknownPathReply(call.path, call.method);
    try {
      // Faults work on the text of a body, so a struck reply is not compressed.
      return contentReply(endpoint.answer({ params, now, gzip: call.gzip && call.fault === null }));
    } catch (error) {
      if (error instanceof ApiError) return jsonReply(error.status, error.body);
      throw error;
    }
  }

  #retryAfter(waitMs: number): string | null {
    return this.#options.retryAfter ? String(Math.ceil(waitMs / 1_000)) : null;
  }
}

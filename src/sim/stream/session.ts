import type { Client } from './client.js';
import type { RequestAction } from './faults/rule.js';
import type { StreamFaults } from './faults/stream-faults.js';
import { type ControlRequest, parseRequest, RequestError } from './requests.js';
import type { StreamStatsRecorder } from './stats.js';

export interface SessionOptions {
  readonly client: Client;
  readonly path: string;
  readonly mostStreams: number;
  readonly faults: StreamFaults;
  readonly stats: StreamStatsRecorder;
  readonly subscribe: (name: string) => void;
  readonly unsubscribe: (name: string) => void;
}

/** What one connection has subscribed, and how its control messages are answered. */
export class Session {
  readonly #options: SessionOptions;
  readonly #streams = new Set<string>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get client(): Client {
    return this.#options.client;
  }

  get path(): string {
    return this.#options.path;
  }

  get size(): number {
    return this.#streams.size;
  }

  has(name: string): boolean {
    return this.#streams.has(name);
  }

  /** Any name is taken and listed; whether it brings anything is another question. `id` is null for those in the URL. */
  subscribe(names: readonly string[], id: number | null): void {
    const { client, mostStreams, stats, subscribe } = this.#options;
    for (const name of names) {
      stats.count('subscribed');
      if (this.#streams.has(name)) continue;
      if (this.#streams.size === mostStreams) {
        client.say(
          JSON.stringify({ error: { code: 4, msg: 'Too many subscriptions' }, ...(id === null ? {} : { id }) }),
        );
        client.close(1008, 'Invalid request');
        return;
      }
      this.#streams.add(name);
      subscribe(name);
    }
  }

  receive(text: string): void {
    const { client, faults } = this.#options;
    try {
      const request = parseRequest(text);
      const action = faults.request(client.id, request.method);
      if (action === null) this.#answer(request, this.#perform(request));
      else this.#misbehave(request, action);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      client.say(error.body);
    }
  }

  /** Gives up all streams. */
  end(): void {
    this.#unsubscribe([...this.#streams]);
  }

  #answer({ id }: { readonly id: number }, result: unknown): void {
    // After the last straw the connection is closing, and the answer goes nowhere.
    this.#options.client.say(JSON.stringify({ result, id }));
  }

  /** Does what is asked and returns the result. */
  #perform(request: ControlRequest): boolean | string[] | null {
    const { client } = this.#options;
    switch (request.method) {
      case 'LIST_SUBSCRIPTIONS':
        return [...this.#streams];
      case 'GET_PROPERTY':
        return client.combined;
      case 'SET_PROPERTY':
        client.combined = request.combined;
        break;
      case 'SUBSCRIBE':
        this.subscribe(request.streams, request.id);
        break;
      case 'UNSUBSCRIBE':
        this.#unsubscribe(request.streams);
    }
    return null;
  }

  #misbehave(request: ControlRequest, action: RequestAction): void {
    const { client } = this.#options;
    switch (action.type) {
      case 'ignore':
        return;
      case 'partial':
        return this.#answer(request, this.#perform(half(request)));
      case 'ackOnly':
        return this.#answer(request, null);
      case 'wrongId':
        return this.#answer({ id: request.id + 1 }, this.#perform(request));
      case 'lateAck': {
        const result = this.#perform(request);
        client.later(action.delayMs, () => this.#answer(request, result));
        return;
      }
      case 'error': {
        const error = { code: action.code, msg: action.msg };
        client.say(JSON.stringify(action.envelope ? { error, id: request.id } : error));
      }
    }
  }

  #unsubscribe(names: readonly string[]): void {
    for (const name of names) {
      if (this.#streams.delete(name)) this.#options.unsubscribe(name);
    }
  }
}

function half(request: ControlRequest): ControlRequest {
  if (!('streams' in request)) return request;
  return { ...request, streams: request.streams.slice(0, Math.floor(request.streams.length / 2)) };
}

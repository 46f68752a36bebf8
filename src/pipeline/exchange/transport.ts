import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { ExchangeError } from '../../domain/errors.js';
import type { Cancel, Clock } from '../../lib/clock.js';
import { lookup } from '../lookup.js';
import { errors, Pool } from './undici.js';

/** What may change while a transport is in use. */
export interface TransportLimits {
  /** Sockets at most; one request at a time on each. */
  readonly connections: number;
  /** Of the whole request: waiting for a socket, connecting, headers and body. */
  readonly requestTimeoutMs: number;
}

export interface TransportOptions extends TransportLimits {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly clock: Clock;
  /** Of one body as it comes over the wire. */
  readonly maxWireBytes?: number;
}

export interface GetOptions {
  readonly signal: AbortSignal;
  /** Asked when the socket is there and nothing has been written: `false` takes the request back. */
  readonly mayStart: () => boolean;
}

/** A whole reply of any status, its body still compressed. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty when the status is no success and the body could not be had: then the status says enough. */
  readonly body: Buffer;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Shorter than the idle time after which servers and NAT routers forget a socket. */
const KEEP_ALIVE_MS = 10_000;
const MAX_HEADER_BYTES = 32 * 1024;

/** HTTP GET over kept-alive sockets. Follows no redirect, trusts no length, and always settles by the deadline. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #headers: Readonly<Record<string, string>>;
  /** Pools that others took the place of, until their last request has ended. */
  readonly #retired = new Set<Pool>();
  #limits: TransportLimits;
  #pool: Pool;
  #closing: Promise<void> | null = null;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#headers = headersFor(options.origin);
    this.#limits = options;
    this.#pool = openPool(options.origin, options);
  }

  /** For the requests to come: those under way end as they began, and sockets are opened anew where their limits changed. */
  reconfigure(limits: TransportLimits): void {
    const before = this.#limits;
    this.#limits = limits;
    const sameSockets =
      limits.connections === before.connections && connectTimeoutMs(limits) === connectTimeoutMs(before);
    if (sameSockets || this.#closing !== null) return;
    const retired = this.#pool;
    this.#pool = openPool(this.#options.origin, limits);
    this.#retired.add(retired);
    // It rejects only when `close` has destroyed it meanwhile.
    const forget = () => this.#retired.delete(retired);
    retired.close().then(forget, forget);
  }

  /**
   * The reply to `GET path`, or null when `mayStart` took the request back. Rejects with an `ExchangeError`
   * (`unreachable`, `deadline`, `badPayload`) or the signal's reason.
   */
  get(path: string, options: GetOptions): Promise<HttpReply | null> {
    return new Promise((resolve, reject) => {
      options.signal.throwIfAborted();
      const { clock, maxWireBytes = 4 * 1024 * 1024 } = this.#options;
      const exchange = new HttpExchange(options, maxWireBytes, resolve, reject);
      exchange.watch(clock, this.#limits.requestTimeoutMs);
      this.#pool.dispatch({ path, method: 'GET', headers: this.#headers }, exchange);
    });
  }

  /** Destroys every socket; what is under way fails. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#pool, ...this.#retired].map((pool) => pool.destroy())).then(() => undefined);
    return this.#closing;
  }
}

function openPool(origin: string, limits: TransportLimits): Pool {
  return new Pool(origin, {
    connections: limits.connections,
    pipelining: 1,
    // The total deadline covers what these would; without them undici needs no timer of its own per request.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    connect: { timeout: connectTimeoutMs(limits), lookup },
  });
}

function connectTimeoutMs({ requestTimeoutMs }: TransportLimits): number {
  return Math.min(CONNECT_TIMEOUT_MS, requestTimeoutMs);
}

/** Compressing what never leaves the machine costs both sides more than it saves. */
function headersFor(origin: string): Record<string, string> {
  const { hostname } = new URL(origin);
  const local = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  return { accept: 'application/json', 'accept-encoding': local ? 'identity' : 'gzip', 'user-agent': 'candlescan' };
}

/**
 * One request and its reply. The promise settles once, by whichever comes first: the end of the body, an error, the
 * deadline or the signal; undici is then told to drop the socket, but it is not waited for, because an aborted body
 * has been seen to stay pending for ever (Node 20's fetch with a dripping gzip body).
 */
class HttpExchange implements Dispatcher.DispatchHandler {
  readonly #options: GetOptions;
  readonly #maxWireBytes: number;
  readonly #resolve: (reply: HttpReply | null) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onAbort = () => this.#fail(this.#options.signal.reason);
  #cancelDeadline: Cancel | null = null;
  #controller: Dispatcher.DispatchController | null = null;
  #settled = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(
    options: GetOptions,
    maxWireBytes: number,
    resolve: (reply: HttpReply | null) => void,
    reject: (error: unknown) => void,
  ) {
    this.#options = options;
    this.#maxWireBytes = maxWireBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  watch(clock: Clock, deadlineMs: number): void {
    this.#options.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#cancelDeadline = clock.setTimer(deadlineMs, () => {
      const what = this.#status === 0 ? 'no reply' : `a reply of status ${this.#status} that did not end`;
      this.#fail(new ExchangeError('deadline', `${what} within ${deadlineMs} ms`));
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Throwing here, before anything is written, gives the socket back unharmed.
    if (this.#settled) throw new errors.RequestAbortedError();
    if (this.#options.mayStart()) return;
    this.#settle(() => this.#resolve(null));
    throw new errors.RequestAbortedError();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (Number(headers['content-length']) > this.#maxWireBytes) this.#fail(this.#tooLarge());
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxWireBytes) return this.#fail(this.#tooLarge());
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#settle(() => this.#resolve({ status: this.#status, headers: this.#headers, body }));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(wireError(error));
  }

  #tooLarge(): ExchangeError {
    return new ExchangeError('badPayload', `a reply of more than ${this.#maxWireBytes} bytes`, {
      status: this.#status,
    });
  }

  #fail(error: unknown): void {
    this.#settle(() => {
      const judgedByStatus = error instanceof ExchangeError && this.#status >= 300;
      if (judgedByStatus) this.#resolve({ status: this.#status, headers: this.#headers, body: Buffer.alloc(0) });
      else this.#reject(error);
    });
    this.#controller?.abort(new errors.RequestAbortedError());
  }

  #settle(deliver: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#cancelDeadline?.();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    deliver();
    this.#chunks = [];
  }
}

/** A reply that breaks HTTP is the peer's fault, `badPayload`; everything else never got through, `unreachable`. */
function wireError(error: Error & { readonly code?: string }): ExchangeError {
  const code = error.code ?? error.name;
  const broken = error instanceof errors.HTTPParserError || BROKEN_HTTP.has(code);
  return new ExchangeError(broken ? 'badPayload' : 'unreachable', `${code}: ${error.message}`, { cause: error });
}

const BROKEN_HTTP: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);
const RESET: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const STRANDED: ReadonlySet<string> = new Set(['EAI_AGAIN', 'ENOTFOUND', 'ENETUNREACH', 'ENETDOWN']);

/** The connection went away under the request, as a kept-alive socket does that the server closed meanwhile. */
export function isReset(error: ExchangeError): boolean {
  return RESET.has(systemCode(error));
}

/** Nothing left this machine: the name could not be looked up, or there is no way out. Trying again burdens nobody. */
export function isStranded(error: ExchangeError): boolean {
  return STRANDED.has(systemCode(error));
}

function systemCode({ kind, cause }: ExchangeError): string {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return kind === 'unreachable' && typeof code === 'string' ? code : '';
}

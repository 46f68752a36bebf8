import type { IncomingHttpHeaders } from 'node:http';
import { ExchangeError, type ExchangeErrorKind } from '../../domain/errors.js';
import type { Random } from '../../lib/random.js';
import { excerpt, unpack } from './decode.js';
import type { HttpReply } from './transport.js';

/** Unknown, delisted or not trading; a pair that does not exist. */
const BAD_SYMBOL: ReadonlySet<number> = new Set([-1121, -1122, -4144]);
/** Disconnected, timed out, overloaded, or under maintenance (-1016, which comes under several statuses). */
const UNAVAILABLE: ReadonlySet<number> = new Set([-1000, -1001, -1006, -1007, -1008, -1016]);
const TOO_MANY_REQUESTS = -1003;

const MINUTE_MS = 60_000;
const SHORTEST_HOLD_MS = 1_000;
const LONGEST_RETRY_AFTER_MS = 15 * MINUTE_MS;
const DEFAULT_HOLD_MS = MINUTE_MS;
const BAN_MS = 2 * MINUTE_MS;
const LONGEST_BAN_MS = 3 * 24 * 60 * MINUTE_MS;
const MOST_JITTER_MS = 1_000;
const ERROR_BODY_BYTES = 64 * 1024;

/** What the exchange says of a request that it refused, as far as it said it. */
export interface Refused {
  readonly status: number;
  readonly code: number | undefined;
  readonly text: string;
}

/** Reads the body of a reply that is no success: JSON `{code, msg}`, or whatever else a proxy or firewall put there. */
export function readRefused({ status, headers, body }: HttpReply): Refused {
  const plain = unpackOrEmpty(body, headers['content-encoding']);
  const { code, msg } = fieldsOf(plain);
  return {
    status,
    code: typeof code === 'number' ? code : undefined,
    text: typeof msg === 'string' ? excerpt(Buffer.from(msg), 300) : excerpt(plain),
  };
}

function unpackOrEmpty(body: Buffer, encoding: string | undefined): Buffer {
  try {
    return unpack(body, encoding, ERROR_BODY_BYTES);
  } catch {
    return Buffer.alloc(0);
  }
}

function fieldsOf(body: Buffer): { readonly code?: unknown; readonly msg?: unknown } {
  try {
    return (JSON.parse(body.toString()) as object | null) ?? {};
  } catch {
    return {};
  }
}

/** The kind of error. The exchange's code says more than the status, except that 429 and 418 always close the gate. */
export function kindOf({ status, code }: Refused): ExchangeErrorKind {
  if (status === 418) return 'banned';
  if (status === 429 || code === TOO_MANY_REQUESTS) return 'throttled';
  if (status < 400) return 'badPayload';
  if (status >= 500 || status === 403 || status === 408) return 'unavailable';
  if (code !== undefined && UNAVAILABLE.has(code)) return 'unavailable';
  if (code !== undefined && BAD_SYMBOL.has(code)) return 'badSymbol';
  return 'badRequest';
}

/**
 * Until when (epoch ms) a refusal of kind `throttled` or `banned` keeps us out. `now` is the exchange's time.
 *
 * `Retry-After` counts (at least 1 s, at most 15 min or for a ban 3 days, and 60 s when it is nonsense); then the end
 * of the ban in the text; else a ban lasts 2 minutes, and a limit until the next UTC minute, when the count begins
 * anew. When a ban is given by both the later one counts, because knocking too early makes it longer.
 */
export function heldUntil(refused: Refused, headers: IncomingHttpHeaders, now: number, random: Random): number {
  const banned = kindOf(refused) === 'banned';
  const named = retryAfterMs(headers['retry-after'], now, banned ? LONGEST_BAN_MS : LONGEST_RETRY_AFTER_MS);
  const written = bannedUntil(refused.text, now);
  if (banned && written !== null) return Math.max(written, now + (named ?? 0));
  if (named !== null) return now + named;
  if (written !== null) return written;
  if (banned) return now + BAN_MS;
  return (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS + Math.round(random() * MOST_JITTER_MS);
}

/** RFC 9110 §10.2.3: whole seconds or an HTTP date. Null when the header is absent. */
function retryAfterMs(header: string | undefined, now: number, longestMs: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : HTTP_DATE.test(text) ? Date.parse(text) - now : Number.NaN;
  if (Number.isNaN(ms)) return DEFAULT_HOLD_MS;
  return Math.min(Math.max(ms, SHORTEST_HOLD_MS), longestMs);
}

/** `Date.parse` takes almost anything; an HTTP date ends in GMT. */
const HTTP_DATE = /^\w{3,9},? .* GMT$/;

function bannedUntil(text: string, now: number): number | null {
  const match = /banned until (\d{13})(?!\d)/.exec(text);
  const until = Number(match?.[1] ?? Number.NaN);
  return until > now && until <= now + LONGEST_BAN_MS ? until : null;
}

export function refusalError(refused: Refused, closedUntil?: number): ExchangeError {
  const { status, code, text } = refused;
  const message = `HTTP ${status}${code === undefined ? '' : `, code ${code}`}: ${text}`;
  return new ExchangeError(kindOf(refused), message, {
    status,
    ...(code !== undefined && { code }),
    ...(closedUntil !== undefined && { closedUntil }),
  });
}

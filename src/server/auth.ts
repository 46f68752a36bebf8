import { createHash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.js';
import { MAX_WRONG_TOKENS, WRONG_TOKEN_WINDOW_MS } from './limits.js';
import type { ServerLog } from './ports.js';
import { type Problem, tooMany } from './problem.js';

/** Addresses whose wrong tokens are remembered; beyond it the one that tried longest ago is forgotten. */
const MAX_ADDRESSES = 10_000;

const BEARER = /^bearer +(\S+)$/i;

const NO_TOKEN: Problem = {
  status: 401,
  detail: 'Authorization: found none, allowed is Bearer with the token of server.token',
  headers: { 'WWW-Authenticate': 'Bearer realm="candlescan"' },
};
const WRONG_TOKEN: Problem = {
  status: 401,
  detail: 'Authorization: found a wrong token, allowed is Bearer with the token of server.token',
  headers: { 'WWW-Authenticate': 'Bearer realm="candlescan", error="invalid_token"' },
};
const NO_TOKEN_SET: Problem = {
  status: 403,
  detail: 'this changes the server and is off while server.token (CANDLESCAN_SERVER__TOKEN) is not set',
};

interface WrongTokens {
  readonly sinceMs: number;
  readonly count: number;
}

/** Who may read, and who may change something: the bearer of the token, when one is configured. */
export class Auth {
  readonly #clock: Clock;
  readonly #log: ServerLog;
  readonly #wrong = new LRUCache<string, WrongTokens>({ max: MAX_ADDRESSES });
  #digest: Buffer | null = null;
  #spellings: readonly string[] = [];
  #refused = 0;
  #throttled = 0;

  constructor(token: string | null, clock: Clock, log: ServerLog) {
    this.#clock = clock;
    this.#log = log;
    this.use(token);
  }

  use(token: string | null): void {
    this.#digest = token === null ? null : digestOf(token);
    this.#spellings = token === null ? [] : spellingsOf(token);
  }

  /**
   * The reason to refuse, or null. After five wrong tokens an address is not heard with any token, not even the right
   * one, until a minute has passed since the first; else the sixth guess would tell as much as the first.
   */
  check(header: string | undefined, address: string, changesSomething: boolean): Problem | null {
    if (this.#digest === null) return changesSomething ? NO_TOKEN_SET : null;
    const token = BEARER.exec(header ?? '')?.[1];
    if (token === undefined) {
      this.#refused += 1;
      return NO_TOKEN;
    }
    const lockedMs = this.#lockedMs(address);
    if (lockedMs > 0) {
      this.#throttled += 1;
      return tooMany(`Authorization: found ${MAX_WRONG_TOKENS} wrong tokens within a minute`, lockedMs);
    }
    if (timingSafeEqual(digestOf(token), this.#digest)) {
      this.#wrong.delete(address);
      return null;
    }
    this.#refused += 1;
    this.#noteWrong(address);
    return WRONG_TOKEN;
  }

  /** Whether a text holds the token, plain or encoded, and so must not be repeated. */
  gaveAway(text: string): boolean {
    return this.#spellings.some((spelling) => text.includes(spelling));
  }

  stats() {
    return { refusedTokens: this.#refused, throttledTokens: this.#throttled };
  }

  #lockedMs(address: string): number {
    const wrong = this.#wrong.get(address);
    if (wrong === undefined || wrong.count < MAX_WRONG_TOKENS) return 0;
    return wrong.sinceMs + WRONG_TOKEN_WINDOW_MS - this.#clock.monotonic();
  }

  #noteWrong(address: string): void {
    const nowMs = this.#clock.monotonic();
    const known = this.#wrong.get(address);
    const goesOn = known !== undefined && known.sinceMs + WRONG_TOKEN_WINDOW_MS > nowMs;
    const wrong = goesOn ? { ...known, count: known.count + 1 } : { sinceMs: nowMs, count: 1 };
    this.#wrong.set(address, wrong);
    if (wrong.count === MAX_WRONG_TOKENS) this.#log.warn({ address }, 'too many wrong tokens from an address');
  }
}

/** Digests have one length, which is what a comparison in constant time needs. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function spellingsOf(token: string): string[] {
  const bytes = Buffer.from(token);
  const base64 = [bytes.toString('base64'), bytes.toString('base64url')];
  return [token, encodeURIComponent(token), ...base64.map((text) => text.replace(/=+$/, ''))];
}

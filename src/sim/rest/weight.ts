const MINUTE_MS = 60_000;
const FIRST_BAN_MS = 2 * MINUTE_MS;
const LONGEST_BAN_MS = 3 * 24 * 60 * MINUTE_MS;
/** Requests that were on their way when the first refusal was sent are forgiven; later ones mean that the client goes on. */
const IN_FLIGHT_MS = 1_000;
/** Refused requests that are taken as going on. */
const PATIENCE = 10;

/**
 * Documented weight of a klines request: [1,100) 1, [100,500) 2, [500,1000] 5, more 10. Measured edges are kinder by one
 * (100 still costs 1, 500 costs 2); this is the reading that a client must be able to live with.
 */
export function klinesWeight(limit: number): number {
  if (limit < 100) return 1;
  if (limit < 500) return 2;
  return limit <= 1_000 ? 5 : 10;
}

export type Verdict =
  | { readonly kind: 'served'; readonly used: number }
  | { readonly kind: 'limited'; readonly used: number; readonly retryAfterMs: number }
  | { readonly kind: 'banned'; readonly used: number; readonly until: number; readonly retryAfterMs: number };

interface Account {
  minute: number;
  used: number;
  /** When the first refusal since the last escalation went out; null when there was none. */
  refusedSince: number | null;
  offences: number;
  bans: number;
  bannedUntil: number;
}

export interface WeightLedgerOptions {
  /** Weight per UTC clock minute and address. */
  readonly limit: number;
  /** Whether going on after 429 leads to 418. */
  readonly bans: boolean;
}

/**
 * The exchange's budget: a counter per address that starts again with every UTC minute. Over the limit requests get 429 and
 * still count; who goes on is banned for 2 minutes, and longer each further time.
 */
export class WeightLedger {
  readonly #options: WeightLedgerOptions;
  readonly #accounts = new Map<string, Account>();

  constructor(options: WeightLedgerOptions) {
    this.#options = options;
  }

  charge(address: string, weight: number, now: number): Verdict {
    const account = this.#account(address);
    const minute = Math.floor(now / MINUTE_MS);
    if (account.minute !== minute) {
      account.minute = minute;
      account.used = 0;
      if (now >= account.bannedUntil) account.refusedSince = null;
    }
    account.used += weight;
    const banned = now < account.bannedUntil;
    if (!banned && account.used <= this.#options.limit) return { kind: 'served', used: account.used };
    if (this.#options.bans) this.#refuse(account, now);
    if (now < account.bannedUntil) {
      const until = account.bannedUntil;
      return { kind: 'banned', used: account.used, until, retryAfterMs: until - now };
    }
    return { kind: 'limited', used: account.used, retryAfterMs: (minute + 1) * MINUTE_MS - now };
  }

  #account(address: string): Account {
    let account = this.#accounts.get(address);
    if (account === undefined) {
      account = { minute: -1, used: 0, refusedSince: null, offences: 0, bans: 0, bannedUntil: 0 };
      this.#accounts.set(address, account);
    }
    return account;
  }

  /** Counts a refusal and bans, or prolongs the ban, when the client has not taken the hint. */
  #refuse(account: Account, now: number): void {
    if (account.refusedSince === null) {
      account.refusedSince = now;
      account.offences = 0;
    }
    if (now - account.refusedSince < IN_FLIGHT_MS) return;
    account.offences += 1;
    if (account.offences < PATIENCE) return;
    account.bannedUntil = now + Math.min(LONGEST_BAN_MS, FIRST_BAN_MS * 2 ** account.bans);
    account.bans += 1;
    account.refusedSince = now;
    account.offences = 0;
  }
}

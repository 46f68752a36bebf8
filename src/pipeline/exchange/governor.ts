import { ExchangeError } from '../../domain/errors.js';
import type { Cancel, Clock } from '../../lib/clock.js';
import type { Random } from '../../lib/random.js';
import type { Lane } from './contract.js';
import { Gate } from './gate.js';
import { MinuteClock } from './minute-clock.js';
import { type Permit, WeightWindow } from './weight-window.js';

const MINUTE_MS = 60_000;
/** Of the weight limit: what may go out in a minute before the exchange has said how much of it is used already. */
const BLIND_SHARE = 0.05;
/** Of the weight limit: what `bulk` leaves for `urgent`. */
const RESERVE_SHARE = 0.05;
/** Weight units per UTC minute, as the exchange documents it. */
const USUAL_LIMIT = 2400;

export type HoldReason = 'throttled' | 'banned';

export interface GovernorOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Weight units per UTC minute that the exchange allows this address; left out while it has not told. */
  readonly weightLimit?: number;
  /** Share of the limit that may be used, 0..1. */
  readonly share?: number;
  /** Epoch ms, kept from an earlier life of the process: nothing goes out before. */
  readonly closedUntil?: number;
  /** The gate closed, or closes for longer. Keep the time, because a ban outlives a restart. */
  readonly onClosed?: (untilMs: number, reason: HoldReason) => void;
  /** The most that a wait is prolonged, so that processes sharing an address do not wake in the same millisecond. */
  readonly jitterMs?: number;
  /** Requests that may wait. */
  readonly queueMax?: number;
}

export interface WeightPlan {
  /** Weight that can go out in this minute, and weight that must wait for a later one. */
  readonly now: number;
  readonly later: number;
  /** Until the last of it may go out; 0 when all of it may go now. */
  readonly waitMs: number;
}

interface Waiter {
  readonly weight: number;
  readonly admit: (permit: Permit) => void;
  readonly fail: (error: Error) => void;
}

/**
 * Shares out the exchange's weight budget: so many units per UTC minute of the exchange's clock and per IP address.
 *
 * - A request is charged before it is sent. Bursts are fine; what exceeds the minute's budget waits for the next one.
 * - Within a lane, first come, first served; `urgent` goes first, and `bulk` leaves it a reserve.
 * - A minute begins blind: only a few units go out until its first reply has told the count. So neither a wrong clock
 *   nor a restart in a minute that another process has used up can break the limit.
 * - While it is in doubt which minute it is, everything stays blind.
 * - Until the exchange has told its limit, a few units of `urgent` go out, whatever the count, because one of them asks
 *   for it; everything else waits.
 * - 429 and 418 close the gate for everyone until the time given.
 */
export class WeightGovernor {
  readonly #options: GovernorOptions;
  readonly #clock: Clock;
  readonly #time: MinuteClock;
  readonly #gate: Gate;
  readonly #window = new WeightWindow();
  /** Insertion order is arrival order, and a waiter that gives up leaves in O(1). */
  readonly #queues: Readonly<Record<Lane, Set<Waiter>>> = { urgent: new Set(), bulk: new Set() };
  #weightLimit: number;
  #share: number;
  #limitKnown: boolean;
  #cancelTimer: Cancel | null = null;
  #stopped = false;

  constructor(options: GovernorOptions) {
    const { weightLimit, share = 0.8, closedUntil } = options;
    this.#options = options;
    this.#clock = options.clock;
    this.#time = new MinuteClock(options.clock);
    this.#gate = new Gate(options.clock);
    this.#share = checkedShare(share);
    this.#weightLimit = positive(weightLimit ?? USUAL_LIMIT);
    this.#limitKnown = weightLimit !== undefined;
    if (closedUntil !== undefined) this.#gate.close(closedUntil, this.exchangeNow());
  }

  /** Weight units per minute, as the exchange states it; the usual limit until it does. */
  get weightLimit(): number {
    return this.#weightLimit;
  }

  /** What the exchange has told, weight units per minute; null when it told none: then what it was taken to be stays. */
  setWeightLimit(limit: number | null): void {
    if (limit !== null) this.#weightLimit = positive(limit);
    this.#limitKnown = true;
    this.#failTooHeavy();
    this.#pump();
  }

  /** Another share of the limit may be used, 0..1. What was charged stays charged. */
  setShare(share: number): void {
    this.#share = checkedShare(share);
    this.#failTooHeavy();
    this.#pump();
  }

  /** Weight units per minute that we may use: the limit times our share. */
  get budget(): number {
    return this.#cap('urgent');
  }

  /** Upper bound of what this address has used of the current minute. */
  get weightUsed(): number {
    this.#roll();
    return this.#window.used;
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#queues.urgent.size + this.#queues.bulk.size;
  }

  /** Until requests may go out again; 0 = open. */
  get closedForMs(): number {
    return this.#gate.closedForMs;
  }

  /** Epoch ms (exchange's clock) at which the gate opens again, or null when it is open. */
  get closedUntil(): number | null {
    return this.#gate.closedUntil;
  }

  /** The exchange's time as far as it is known, epoch ms. */
  exchangeNow(): number {
    return this.#time.now();
  }

  /** The exchange's clock shows `exchangeTime` now, give or take `errorMs`; no minute is trusted to begin earlier. */
  setExchangeTime(exchangeTime: number, errorMs: number): void {
    this.#time.set(exchangeTime, errorMs);
    this.#disarm();
    this.#pump();
  }

  /**
   * The clock that the exchange's time is kept by may have stood still: until the exchange's time is set again no more
   * goes out than in a minute of which nothing is known, and what was counted stays counted.
   */
  doubtExchangeTime(): void {
    this.#roll();
    this.#time.doubt();
    this.#window.unsight();
  }

  /** Resolves once `weight` is charged and the request may go out. Rejects with the signal's reason. */
  acquire(weight: number, lane: Lane, signal?: AbortSignal): Promise<Permit> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.#refuse(weight, lane);
      this.#roll();
      if (this.waiting === 0 && this.#admits(weight, lane)) return resolve(this.#window.charge(weight));
      const queue = this.#queues[lane];
      const leave = () => {
        queue.delete(waiter);
        reject(signal?.reason as Error);
        this.#pump();
      };
      const done = <T>(then: (value: T) => void) => {
        return (value: T) => {
          queue.delete(waiter);
          signal?.removeEventListener('abort', leave);
          then(value);
        };
      };
      const waiter: Waiter = { weight, admit: done(resolve), fail: done(reject) };
      signal?.addEventListener('abort', leave, { once: true });
      queue.add(waiter);
      this.#pump();
    });
  }

  /** The request was answered; `used` is the count that its reply showed, or null when it showed none. */
  settle(permit: Permit, used: number | null): void {
    this.#roll();
    this.#window.settle(permit, used);
    this.#pump();
  }

  /** The request was sent and no reply came. */
  lose(permit: Permit): void {
    this.#roll();
    this.#window.lose(permit);
    this.#pump();
  }

  /** The request was not sent after all. */
  refund(permit: Permit): void {
    this.#roll();
    this.#window.refund(permit);
    this.#pump();
  }

  /** Nothing goes out before `untilMs` (epoch ms, exchange's clock). A hold is only ever prolonged. */
  hold(untilMs: number, reason: HoldReason): void {
    const before = this.closedUntil ?? 0;
    this.#gate.close(untilMs, this.exchangeNow());
    const until = this.closedUntil ?? 0;
    // The replies of one burst name nearly the same time: telling it once is enough.
    if (until >= before + 1000) this.#options.onClosed?.(until, reason);
  }

  /** How requests of this weight in all would fall on the minutes if they were sent now. */
  plan(weight: number, lane: Lane = 'bulk'): WeightPlan {
    this.#roll();
    const cap = this.#cap(lane);
    const closedForMs = this.closedForMs;
    const minuteLeftMs = this.#time.leftOfMinuteMs;
    const free = closedForMs < minuteLeftMs ? Math.max(0, cap - this.#window.used) : 0;
    const now = Math.min(weight, free);
    const later = weight - now;
    if (later === 0) return { now, later, waitMs: Math.max(closedForMs, this.#time.quietForMs) };
    const nextMs = Math.max(closedForMs, minuteLeftMs + this.#time.errorMs);
    return { now, later, waitMs: nextMs + (Math.ceil(later / cap) - 1) * MINUTE_MS };
  }

  /** Rejects everyone who waits and everyone who comes. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm();
    for (const queue of Object.values(this.#queues)) {
      for (const waiter of queue) waiter.fail(stoppedError());
    }
  }

  #refuse(weight: number, lane: Lane): void {
    if (this.#stopped) throw stoppedError();
    const cap = this.#cap(lane);
    if (weight > cap) throw tooHeavy(weight, cap);
    const { queueMax = 10_000 } = this.#options;
    if (this.waiting >= queueMax) throw new ExchangeError('throttled', `${queueMax} requests are waiting already`);
  }

  /** Under a smaller cap one of them could never go, and would hold back everyone behind it. */
  #failTooHeavy(): void {
    for (const lane of ['urgent', 'bulk'] as const) {
      const cap = this.#cap(lane);
      for (const waiter of this.#queues[lane]) if (waiter.weight > cap) waiter.fail(tooHeavy(waiter.weight, cap));
    }
  }

  /** Units per minute that a lane may use. */
  #cap(lane: Lane): number {
    const reserve = lane === 'bulk' ? RESERVE_SHARE : 0;
    return Math.max(1, Math.floor(this.#weightLimit * Math.max(this.#share - reserve, this.#share / 2)));
  }

  #admits(weight: number, lane: Lane): boolean {
    if (this.closedForMs > 0 || this.#time.quietForMs > 0) return false;
    const { used, charged, sighted } = this.#window;
    const mayGoBlind = charged === 0 || charged + weight <= this.#weightLimit * BLIND_SHARE;
    if (!this.#limitKnown) return lane === 'urgent' && mayGoBlind;
    if (used + weight > this.#cap(lane)) return false;
    return mayGoBlind || (sighted && !this.#time.doubted);
  }

  #pump(): void {
    this.#roll();
    for (const lane of ['urgent', 'bulk'] as const) {
      for (const waiter of this.#queues[lane]) {
        if (!this.#admits(waiter.weight, lane)) return this.#arm();
        waiter.admit(this.#window.charge(waiter.weight));
      }
    }
    this.#disarm();
  }

  #arm(): void {
    if (this.#cancelTimer !== null) return;
    const { quietForMs, leftOfMinuteMs, errorMs } = this.#time;
    const borderMs = quietForMs > 0 ? quietForMs : leftOfMinuteMs + errorMs;
    const jitterMs = this.#options.random() * (this.#options.jitterMs ?? 200);
    const waitMs = this.closedForMs > 0 ? this.closedForMs : borderMs;
    this.#cancelTimer = this.#clock.setTimer(waitMs + jitterMs, () => {
      this.#cancelTimer = null;
      this.#pump();
    });
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #roll(): void {
    this.#window.enter(this.#time.minute);
  }
}

function positive(limit: number): number {
  if (Number.isFinite(limit) && limit > 0) return limit;
  throw new RangeError(`the weight limit must be above 0, not ${limit}`);
}

function checkedShare(share: number): number {
  if (share > 0 && share <= 1) return share;
  throw new RangeError(`share must be above 0 and at most 1, not ${share}`);
}

function tooHeavy(weight: number, cap: number): ExchangeError {
  return new ExchangeError('badRequest', `weight ${weight} is more than a minute allows (${cap})`);
}

function stoppedError(): ExchangeError {
  return new ExchangeError('unreachable', 'the weight governor has been stopped');
}

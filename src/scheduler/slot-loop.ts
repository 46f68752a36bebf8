import { type Slot, slotAt } from '../domain/slot.js';
import { type Timeframe, timeframeMs } from '../domain/timeframe.js';
import { type Clock, sleep } from '../lib/clock.js';

/** What one run is told about its slot. Nothing below asks for the time again. */
export interface SlotTick {
  readonly slot: Slot;
  /** When it began, exchange's clock, epoch ms. */
  readonly firedAt: number;
  /** How far after the slot that was. */
  readonly delayMs: number;
  /** Whether that is more than `lateAfterMs`. */
  readonly late: boolean;
  /** Slots since the run before that never ran. */
  readonly missed: number;
  /** `start` is the first one, `resume` the first one since the process was paused. */
  readonly reason: 'slot' | 'start' | 'resume';
}

/** Slots that passed without a run, the bounds included. */
export interface MissedSlots {
  readonly count: number;
  readonly from: Slot;
  readonly to: Slot;
}

export interface SlotLoopOptions {
  readonly base: Timeframe;
  readonly clock: Clock;
  /** The exchange's time, epoch ms; it may be corrected in jumps, forwards and backwards. */
  readonly exchangeNow: () => number;
  /** One cycle; `signal` fires when it has to end because the loop was stopped and the patience is over. */
  readonly run: (tick: SlotTick, signal: AbortSignal) => Promise<void>;
  /** How long the process has been paused in all; without it no pause is known of. */
  readonly pausedMs?: () => number;
  readonly onMissed?: (missed: MissedSlots) => void;
  readonly onPause?: (pause: { readonly pausedMs: number }) => void;
  /** A run, or one of these callbacks, failed. */
  readonly onError?: (error: unknown) => void;
  readonly lateAfterMs?: number;
  /** How long `stop` lets a run go on before its signal fires. */
  readonly drainMs?: number;
}

export interface SlotLoopStats {
  /** The newest slot that ran or runs. */
  readonly lastSlot: Slot | null;
  readonly running: boolean;
  /** The slot after it; in the past when a run has lasted beyond it. */
  readonly nextSlot: Slot;
  readonly ticksTotal: number;
  readonly missedTotal: number;
  readonly lateTotal: number;
}

/** The exchange's time is looked at again this often, so that no drift, suspend or correction makes a wait wrong for longer. */
const LOOK_AGAIN_MS = 1_000;
const LATE_AFTER_MS = 2_500;
const DRAIN_MS = 10_000;

/**
 * Runs something once for each slot when the exchange's clock gets there, beginning with the newest slot at once.
 *
 * - Never two runs at once. Slots that pass meanwhile are counted and never replayed; the newest one runs, late.
 * - Slots strictly increase, whatever the clocks do: one that steps back repeats nothing.
 * - A wait is one timer of a second at most, after which the time is read anew; so there is nothing to pile up.
 */
export class SlotLoop {
  readonly #options: SlotLoopOptions;
  readonly #baseMs: number;
  readonly #asked = new AbortController();
  readonly #counts = { ticksTotal: 0, missedTotal: 0, lateTotal: 0 };
  #reason: SlotTick['reason'] = 'start';
  #lastSlot: Slot | null = null;
  #pausedMs: number;
  /** Ends the run under way; null when there is none. */
  #cut: AbortController | null = null;
  #loop: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  constructor(options: SlotLoopOptions) {
    this.#options = options;
    this.#baseMs = timeframeMs(options.base);
    this.#pausedMs = options.pausedMs?.() ?? 0;
  }

  start(): void {
    if (this.#stopped !== null) throw new Error('a slot loop that was stopped cannot be started again');
    // Not in this turn, so that whoever starts it is done before the first run begins.
    this.#loop ??= Promise.resolve().then(() => this.#live());
  }

  /**
   * Asks to stop, and resolves when it has stopped: no further slot begins, and the run under way is waited for, its
   * signal fired after `drainMs`. A run that awaits this waits for itself.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#drain();
    return this.#stopped;
  }

  stats(): SlotLoopStats {
    const { base, exchangeNow } = this.#options;
    return {
      lastSlot: this.#lastSlot,
      running: this.#cut !== null,
      nextSlot: this.#lastSlot === null ? slotAt(exchangeNow(), base) : this.#lastSlot + this.#baseMs,
      ...this.#counts,
    };
  }

  async #live(): Promise<void> {
    const { base, exchangeNow } = this.#options;
    while (!this.#asked.signal.aborted) {
      this.#tell(() => this.#noticePause());
      const now = exchangeNow();
      const slot = slotAt(now, base);
      if (this.#lastSlot === null || slot > this.#lastSlot) await this.#run(this.#begin(slot, now));
      else await this.#wait(this.#lastSlot + this.#baseMs - now);
    }
  }

  #begin(slot: Slot, firedAt: number): SlotTick {
    const { onMissed, lateAfterMs = LATE_AFTER_MS } = this.#options;
    const from = this.#lastSlot === null ? slot : this.#lastSlot + this.#baseMs;
    const missed = (slot - from) / this.#baseMs;
    const delayMs = firedAt - slot;
    const tick = { slot, firedAt, delayMs, late: delayMs > lateAfterMs, missed, reason: this.#reason };
    this.#reason = 'slot';
    this.#lastSlot = slot;
    this.#counts.ticksTotal += 1;
    this.#counts.missedTotal += missed;
    this.#counts.lateTotal += tick.late ? 1 : 0;
    if (missed > 0) this.#tell(() => onMissed?.({ count: missed, from, to: slot - this.#baseMs }));
    return tick;
  }

  async #run(tick: SlotTick): Promise<void> {
    const cut = new AbortController();
    this.#cut = cut;
    try {
      await this.#options.run(tick, cut.signal);
    } catch (error) {
      const wasTold = cut.signal.aborted && error === cut.signal.reason;
      if (!wasTold) this.#report(error);
    } finally {
      this.#cut = null;
    }
  }

  async #wait(leftMs: number): Promise<void> {
    const waitMs = Math.min(leftMs, LOOK_AGAIN_MS);
    await sleep(this.#options.clock, waitMs, this.#asked.signal).catch(() => undefined);
  }

  #noticePause(): void {
    const { pausedMs, onPause } = this.#options;
    const total = pausedMs?.() ?? 0;
    const sinceMs = total - this.#pausedMs;
    if (sinceMs <= 0) return;
    this.#pausedMs = total;
    if (this.#reason === 'slot') this.#reason = 'resume';
    onPause?.({ pausedMs: sinceMs });
  }

  async #drain(): Promise<void> {
    const { clock, drainMs = DRAIN_MS } = this.#options;
    this.#asked.abort();
    if (this.#loop === null) return;
    const cancel = clock.setTimer(drainMs, () => this.#cut?.abort(new Error('the slot loop has been stopped')));
    await this.#loop;
    cancel();
  }

  #tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#report(error);
    }
  }

  /** Nobody is left to tell when this fails, and the next slot must run all the same. */
  #report(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {}
  }
}

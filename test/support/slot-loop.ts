import { type Clock, sleep } from '../../src/lib/clock.js';
import type { MissedSlots, SlotTick } from '../../src/scheduler/slot-loop.js';

/** What a slot loop did, and runs that last as long as they are told to. */
export class LoopRecord {
  readonly ticks: SlotTick[] = [];
  readonly missed: MissedSlots[] = [];
  readonly pauses: number[] = [];
  readonly errors: unknown[] = [];
  /** Runs that were going on at the same time, at most. */
  mostAtOnce = 0;
  #atOnce = 0;
  readonly #clock: Clock;
  readonly #runMs: (run: number) => number;

  constructor(clock: Clock, runMs: (run: number) => number = () => 0) {
    this.#clock = clock;
    this.#runMs = runMs;
  }

  get slots(): readonly number[] {
    return this.ticks.map(({ slot }) => slot);
  }

  readonly run = async (tick: SlotTick, signal: AbortSignal): Promise<void> => {
    this.ticks.push(tick);
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    try {
      await sleep(this.#clock, this.#runMs(this.ticks.length - 1), signal);
    } finally {
      this.#atOnce -= 1;
    }
  };

  readonly onMissed = (missed: MissedSlots): void => {
    this.missed.push(missed);
  };

  readonly onPause = ({ pausedMs }: { readonly pausedMs: number }): void => {
    this.pauses.push(pausedMs);
  };

  readonly onError = (error: unknown): void => {
    this.errors.push(error);
  };
}

/** Every slot in [from, to], both included. */
export function slotsBetween(from: number, to: number, stepMs: number): readonly number[] {
  return Array.from({ length: Math.floor((to - from) / stepMs) + 1 }, (_, index) => from + index * stepMs);
}

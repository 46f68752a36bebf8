import type { Slot } from '../../domain/slot.js';
import type { Timeframe } from '../../domain/timeframe.js';
import { groupBy } from '../../lib/group-by.js';
import type { CandleSource } from '../source.js';
import type { LiveCounts } from './counts.js';

export interface RepairsOptions {
  readonly source: CandleSource;
  readonly base: Timeframe;
  readonly counts: Pick<LiveCounts, 'gaps'>;
  /** Of a pass; the holes stay until they are asked for again. */
  readonly onUnrepaired: (symbols: readonly string[], slot: Slot) => void;
  /** A repair failed in a way that the source does not expect. */
  readonly onError: (error: unknown) => void;
}

/**
 * Asks for holes in base series as soon as they are known: one pass at a time, each series at most once in the queue, so
 * that a flapping connection cannot pile up requests. What fails is not tried again from here: the next candle of the
 * series shows its hole again, and the next cycle asks for it too.
 */
export class Repairs {
  readonly #options: RepairsOptions;
  readonly #due = new Map<string, Slot>();
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** The candles of the symbol that closed by `slot` shall be fetched. */
  request(symbol: string, slot: Slot): void {
    if (this.#stop.signal.aborted) return;
    this.#due.set(symbol, Math.max(slot, this.#due.get(symbol) ?? slot));
    this.#running ??= this.#run();
  }

  forget(symbol: string): void {
    this.#due.delete(symbol);
  }

  async stop(): Promise<void> {
    this.#due.clear();
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    // The holes of one burst go together.
    await Promise.resolve();
    try {
      while (this.#due.size > 0) {
        const bySlot = groupBy(this.#due, ([, slot]) => slot);
        this.#due.clear();
        await Promise.all(
          Array.from(bySlot, ([slot, due]) =>
            this.#repair(
              slot,
              due.map(([symbol]) => symbol),
            ),
          ),
        );
      }
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#running = null;
    }
  }

  async #repair(slot: Slot, symbols: readonly string[]): Promise<void> {
    const { source, base, counts, onUnrepaired } = this.#options;
    const wanted = symbols.map((symbol) => ({ symbol, timeframe: base }));
    const outcomes = await source.fill(wanted, slot, this.#stop.signal);
    const unrepaired = outcomes.filter(({ skip, cutBy }) => skip !== null || cutBy !== null);
    counts.gaps.repaired += outcomes.length - unrepaired.length;
    counts.gaps.unrepaired += unrepaired.length;
    if (unrepaired.length === 0 || this.#stop.signal.aborted) return;
    onUnrepaired(
      unrepaired.map(({ symbol }) => symbol),
      slot,
    );
  }
}

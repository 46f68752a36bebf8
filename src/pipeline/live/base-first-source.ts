import type { Slot } from '../../domain/slot.js';
import { groupBy } from '../../lib/group-by.js';
import { type CandleSource, NOTHING_CAME, type SeriesKey, type SeriesOutcome, type SeriesStore } from '../source.js';
import type { Assembly } from './assembly.js';
import { isAtSlot } from './at-slot.js';
import type { Derivation } from './derivation.js';

export interface BaseFirstSourceOptions {
  readonly source: CandleSource;
  readonly store: SeriesStore;
  readonly derivation: Derivation;
  readonly assembly: Pick<Assembly, 'caughtUp' | 'revised'>;
  /** The slot to bring the series of the symbol to when a cycle of `slot` asks. */
  readonly slotFor: (slot: Slot, symbol: string) => Slot;
  /** Told what the source did for every base series that it was asked for. */
  readonly onBase: (outcome: SeriesOutcome) => void;
}

/**
 * Asks a source for the base candles first. What can be derived from them then is not asked for; only the longer series
 * that need the exchange's own candles are, together with the base ones where no derivation could help.
 */
export class BaseFirstSource implements CandleSource {
  readonly #options: BaseFirstSourceOptions;

  constructor(options: BaseFirstSourceOptions) {
    this.#options = options;
  }

  get name(): CandleSource['name'] {
    return this.#options.source.name;
  }

  async fill(wanted: readonly SeriesKey[], slot: Slot, signal: AbortSignal): Promise<readonly SeriesOutcome[]> {
    const byTarget = groupBy(wanted, ({ symbol }) => this.#options.slotFor(slot, symbol));
    const filled = await Promise.all(Array.from(byTarget, ([target, keys]) => this.#fillTo(target, keys, signal)));
    return filled.flat();
  }

  async #fillTo(target: Slot, wanted: readonly SeriesKey[], signal: AbortSignal): Promise<SeriesOutcome[]> {
    const { store, derivation, assembly } = this.#options;
    const isMissing = (key: SeriesKey) => !isAtSlot(store.get(key), target);
    const derivable = wanted.filter((key) => isMissing(key) && derivation.reaches(key));
    const others = new Set(wanted);
    for (const key of derivable) others.delete(key);
    const first = await this.#ask([...others].filter(isMissing), target, signal);
    for (const symbol of new Set(derivable.map((key) => key.symbol))) assembly.caughtUp(symbol);
    const second = await this.#ask(derivable.filter(isMissing), target, signal);
    const outcomes = [...first, ...second];
    const asked = new Set(outcomes.map(keyText));
    return [
      ...outcomes,
      ...wanted.filter((key) => !asked.has(keyText(key))).map((key) => ({ ...key, ...NOTHING_CAME })),
    ];
  }

  async #ask(keys: readonly SeriesKey[], slot: Slot, signal: AbortSignal): Promise<readonly SeriesOutcome[]> {
    if (keys.length === 0) return [];
    const { source, store, derivation, assembly, onBase } = this.#options;
    const ends = new Map(keys.map((key) => [keyText(key), store.get(key)?.lastOpenTime ?? null]));
    const outcomes = await source.fill(keys, slot, signal);
    for (const outcome of outcomes) {
      // Of the candles held before, the source asks for the newest one only.
      const end = ends.get(keyText(outcome)) ?? null;
      const { symbol, timeframe } = outcome;
      if (outcome.revised > 0 && end !== null) assembly.revised({ symbol, timeframe }, end, outcome.revised);
      if (timeframe === derivation.base) onBase(outcome);
      assembly.caughtUp(symbol);
    }
    return outcomes;
  }
}

function keyText({ symbol, timeframe }: SeriesKey): string {
  return `${symbol}@${timeframe}`;
}

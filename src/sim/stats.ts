const MINUTE_MS = 60_000;
/** Minutes of weight that are kept; the maximum is over all. */
const MINUTES_KEPT = 24 * 60;

/** What clients did since the start, for tests and for people who wonder. */
export interface SimStats {
  /** Requests by path, refused ones too. */
  readonly requests: Readonly<Record<string, number>>;
  readonly total: number;
  /** Symbols that klines were asked for. */
  readonly symbols: number;
  /** Weight by UTC minute (epoch ms of its start), newest last. */
  readonly weightByMinute: Readonly<Record<string, number>>;
  readonly maxWeightPerMinute: number;
  /** Requests refused with 429 because the limit was broken. */
  readonly overruns: number;
  /** Requests refused with 418 while banned. */
  readonly whileBanned: number;
  readonly klinesWithoutLimit: number;
  /** Klines of symbols that do not trade. */
  readonly nonTrading: number;
  readonly unknownPaths: number;
  /** Requests that a fault rule struck. */
  readonly faulted: number;
}

type Counter = 'overruns' | 'whileBanned' | 'klinesWithoutLimit' | 'nonTrading' | 'unknownPaths' | 'faulted';

export class StatsRecorder {
  readonly #requests = new Map<string, number>();
  readonly #symbols = new Set<string>();
  readonly #weights = new Map<number, number>();
  readonly #counters: Record<Counter, number> = {
    overruns: 0,
    whileBanned: 0,
    klinesWithoutLimit: 0,
    nonTrading: 0,
    unknownPaths: 0,
    faulted: 0,
  };
  #total = 0;
  #maxWeight = 0;

  request(path: string, weight: number, now: number): void {
    this.#total += 1;
    this.#requests.set(path, (this.#requests.get(path) ?? 0) + 1);
    const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
    const used = (this.#weights.get(minute) ?? 0) + weight;
    this.#weights.set(minute, used);
    this.#maxWeight = Math.max(this.#maxWeight, used);
    const [oldest] = this.#weights.keys();
    if (this.#weights.size > MINUTES_KEPT && oldest !== undefined) this.#weights.delete(oldest);
  }

  /** `symbol` is one that the market lists, so the set is bounded. */
  symbol(symbol: string): void {
    this.#symbols.add(symbol);
  }

  count(counter: Counter): void {
    this.#counters[counter] += 1;
  }

  snapshot(): SimStats {
    return {
      requests: Object.fromEntries(this.#requests),
      total: this.#total,
      symbols: this.#symbols.size,
      weightByMinute: Object.fromEntries(this.#weights),
      maxWeightPerMinute: this.#maxWeight,
      ...this.#counters,
    };
  }
}

import type { AnalyzerFailure, AnalyzerRun, FailureReason } from './contract.js';
import type { ActiveAnalyzer } from './registry.js';

interface Counts {
  durationMs: number;
  findings: number;
  warmup: number;
}

/** What happened to each analyzer in a batch, by its position in the list that ran. */
export class Tally {
  readonly #names: readonly string[];
  readonly #counts: readonly Counts[];
  readonly #failures = new Map<string, AnalyzerFailure>();

  constructor(analyzers: readonly ActiveAnalyzer[]) {
    this.#names = analyzers.map(({ analyzer }) => analyzer.name);
    this.#counts = analyzers.map(() => ({ durationMs: 0, findings: 0, warmup: 0 }));
  }

  spent(position: number, durationMs: number): void {
    this.#at(position).durationMs += durationMs;
  }

  found(position: number): void {
    this.#at(position).findings += 1;
  }

  tooShort(position: number): void {
    this.#at(position).warmup += 1;
  }

  /** Keeps the message of the first failure of its kind. */
  failed(position: number, reason: FailureReason, message: string): void {
    const analyzer = this.#names[position] as string;
    const key = `${analyzer} ${reason}`;
    const earlier = this.#failures.get(key);
    const count = (earlier?.count ?? 0) + 1;
    this.#failures.set(key, { analyzer, reason, message: earlier?.message ?? message, count });
  }

  get runs(): AnalyzerRun[] {
    return this.#counts.map((counts, position) => ({ analyzer: this.#names[position] as string, ...counts }));
  }

  get failures(): AnalyzerFailure[] {
    return [...this.#failures.values()];
  }

  #at(position: number): Counts {
    return this.#counts[position] as Counts;
  }
}

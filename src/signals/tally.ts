import type { SignalChange, SignalCount, SignalStats } from './contract.js';

/** Counts what became of what was said. */
export class SignalTally {
  readonly #signals = new Map<string, SignalCount>();
  repeated = 0;
  stale = 0;
  #amended = 0;
  #revoked = 0;

  count({ kind, record: { analyzer, direction, status } }: SignalChange): void {
    if (kind === 'revoked') this.#revoked += 1;
    if (kind === 'amended') {
      this.#amended += 1;
      return;
    }
    const key = `${analyzer}|${direction}|${status}`;
    const count = (this.#signals.get(key)?.count ?? 0) + 1;
    this.#signals.set(key, { analyzer, direction, status, count });
  }

  totals(): Pick<SignalStats, 'signals' | 'repeated' | 'stale' | 'amended' | 'revoked'> {
    return {
      signals: [...this.#signals.values()],
      repeated: this.repeated,
      stale: this.stale,
      amended: this.#amended,
      revoked: this.#revoked,
    };
  }
}

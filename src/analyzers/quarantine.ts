const FAILURES_IN_A_ROW = 3;
const FIRST_MS = 5 * 60_000;
const LONGEST_MS = 4 * 60 * 60_000;

export interface QuarantinedAnalyzer {
  readonly analyzer: string;
  /** The last failure. */
  readonly reason: string;
  /** Clock milliseconds (monotonic) at which one batch tries it again. */
  readonly untilMs: number;
}

interface History {
  failures: number;
  backoffMs: number;
  untilMs: number | null;
  reason: string;
}

/**
 * Keeps an analyzer that ended its worker in three batches in a row away from the next ones: 5 minutes, then twice as
 * long after each failed try, at most 4 hours. When the time is over one batch tries it while the others still skip it.
 */
export class Quarantine {
  readonly #records = new Map<string, History>();

  /** Whether a batch that starts now may run it. A try after quarantine is given to one caller only. */
  admits(analyzer: string, nowMs: number): boolean {
    const record = this.#records.get(analyzer);
    if (record === undefined || record.untilMs === null) return true;
    if (nowMs < record.untilMs) return false;
    record.untilMs = nowMs + record.backoffMs;
    return true;
  }

  succeeded(analyzer: string): void {
    this.#records.delete(analyzer);
  }

  /** Returns the quarantine that begins with this failure, or null. */
  failed(analyzer: string, reason: string, nowMs: number): QuarantinedAnalyzer | null {
    const record = this.#records.get(analyzer) ?? { failures: 0, backoffMs: 0, untilMs: null, reason };
    this.#records.set(analyzer, record);
    record.failures += 1;
    record.reason = reason;
    if (record.failures < FAILURES_IN_A_ROW) return null;
    record.backoffMs = Math.min(Math.max(FIRST_MS, record.backoffMs * 2), LONGEST_MS);
    record.untilMs = nowMs + record.backoffMs;
    return { analyzer, reason, untilMs: record.untilMs };
  }

  get list(): QuarantinedAnalyzer[] {
    return [...this.#records].flatMap(([analyzer, { reason, untilMs }]) =>
      untilMs === null ? [] : [{ analyzer, reason, untilMs }],
    );
  }
}

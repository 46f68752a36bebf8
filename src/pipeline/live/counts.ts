import type { ClosedBy } from '../stream/contract.js';

/** What happened to live candles since the start; totals for metrics. */
export interface LiveCounts {
  /** Closed base candles taken, by what made them final. */
  readonly closed: Record<ClosedBy | 'rest', number>;
  /** Longer candles made from base candles. */
  derived: number;
  /** Candles held of which the exchange said something else later, and the derived ones that changed with them. */
  revised: number;
  /** Frames that the series refused as no possible candle. */
  refused: number;
  /** Holes in base series that were asked for at once. */
  readonly gaps: Record<'repaired' | 'unrepaired', number>;
  /** Derived candles compared with the exchange's own. */
  audited: number;
  /** Comparisons that could not be made. */
  auditFailed: number;
  /** Derived candles that the exchange has otherwise; each was replaced by the exchange's. */
  mismatches: number;
}

export function zeroCounts(): LiveCounts {
  return {
    closed: { flag: 0, later: 0, rest: 0 },
    derived: 0,
    revised: 0,
    refused: 0,
    gaps: { repaired: 0, unrepaired: 0 },
    audited: 0,
    auditFailed: 0,
    mismatches: 0,
  };
}

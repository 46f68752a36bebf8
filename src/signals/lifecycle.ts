import type { SignalChange, SignalRecord, SignalUpdate } from './contract.js';

/*
 * The life of a signal. A statement finds it or misses it, on candles that are still forming (provisional) or final
 * (confirmed):
 *
 *   state                  found, provisional   found, confirmed   missed, provisional   missed, confirmed
 *   unknown                provisional          confirmed          -                     -
 *   provisional            amended if other     confirmed          revoked               revoked
 *   confirmed              -                    amended if other   -                     revoked
 *   revoked, unconfirmed   provisional again    confirmed          -                     -
 *   revoked, confirmed     -                    confirmed again    -                     -
 *
 * Once final candles were heard, forming ones have no say. Which statement about a candle is the newest is decided before
 * (`statements.ts`); here each is taken to be newer than what is known. `expired` is an end.
 */

/** Who says it and when; `at` and `lateAfterMs` are epoch ms and ms. */
export interface Statement extends Pick<SignalUpdate, 'slot' | 'status'> {
  readonly at: number;
  readonly lateAfterMs: number;
}

type IdentifiedFinding = SignalUpdate['findings'][number];

/** What a finding changes about the signal that it is; null when it says nothing new. */
export function found(known: SignalRecord | null, finding: IdentifiedFinding, by: Statement): SignalChange | null {
  const confirms = by.status === 'confirmed';
  if (known === null) return { kind: 'published', record: firstRecord(finding, by) };
  switch (known.status) {
    case 'provisional':
      if (confirms) return { kind: 'confirmed', record: restated(known, finding, by) };
      return saysTheSame(known, finding) ? null : { kind: 'amended', record: restated(known, finding, by) };
    case 'confirmed':
      if (!confirms || saysTheSame(known, finding)) return null;
      return { kind: 'amended', record: restated(known, finding, by) };
    case 'revoked':
      if (known.confirmedAt !== null && !confirms) return null;
      return {
        kind: confirms && known.confirmedAt === null ? 'confirmed' : 'amended',
        record: restated(known, finding, by),
      };
    case 'expired':
      break;
  }
  return null;
}

/** What it changes that a signal was looked for and is not there; null when it does not stand anyway. */
export function missed(known: SignalRecord, by: Statement): SignalChange | null {
  const revocable = known.status === 'provisional' || (known.status === 'confirmed' && by.status === 'confirmed');
  if (!revocable) return null;
  const record = { ...known, status: 'revoked' as const, slot: by.slot, updatedAt: by.at, revokedAt: by.at };
  return { kind: 'revoked', record };
}

/** Whether others must still know of it after a restart: a signal that was never confirmed is forgotten with the process. */
export function isKept({ confirmedAt }: SignalRecord): boolean {
  return confirmedAt !== null;
}

function firstRecord(finding: IdentifiedFinding, { slot, status, at, lateAfterMs }: Statement): SignalRecord {
  const latencyMs = at - finding.candleCloseTime;
  return {
    ...finding,
    status,
    slot,
    publishedAt: at,
    latencyMs,
    late: latencyMs > lateAfterMs,
    revision: 0,
    updatedAt: at,
    confirmedAt: status === 'confirmed' ? at : null,
    revokedAt: null,
  };
}

/** Standing by the newest finding. What was revoked counts as changed, so that no two states share status and revision. */
function restated(known: SignalRecord, finding: IdentifiedFinding, { slot, status, at }: Statement): SignalRecord {
  const changed = known.status === 'revoked' || !saysTheSame(known, finding);
  return {
    ...known,
    ...finding,
    status,
    slot,
    revision: known.revision + (changed ? 1 : 0),
    updatedAt: at,
    confirmedAt: known.confirmedAt ?? (status === 'confirmed' ? at : null),
    revokedAt: null,
  };
}

/**
 * Strengths are compared at the four decimals that are shown: recursive indicators over a longer or shorter past of the
 * same candles differ far behind them, and nobody is to hear of that.
 */
function saysTheSame(known: SignalRecord, finding: IdentifiedFinding): boolean {
  return (
    known.direction === finding.direction &&
    known.price === finding.price &&
    known.strength.toFixed(4) === finding.strength.toFixed(4)
  );
}

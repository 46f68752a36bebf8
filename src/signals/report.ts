import { toDecimal } from '../domain/decimal.js';
import type { Signal } from '../domain/signal.js';
import type { SignalRecord } from './contract.js';

/** A signal as people and their tools get it: in `scan --json` and over HTTP. Fields are only ever added. */
export function signalReport(signal: Signal) {
  const { id, symbol, timeframe, analyzer, version, direction, strength, status, reasons, inputDigest } = signal;
  return {
    id,
    symbol,
    timeframe,
    analyzer,
    version,
    direction,
    strength: Number(strength.toFixed(4)),
    status,
    price: toDecimal(signal.price),
    candleCloseTime: isoTime(signal.candleCloseTime),
    reasons,
    inputDigest,
  };
}

/** The same object with what the store knows of the signal's life. */
export function recordReport(record: SignalRecord) {
  const { latencyMs, late, revision, confirmedAt, revokedAt } = record;
  return {
    ...signalReport(record),
    slot: isoTime(record.slot),
    publishedAt: isoTime(record.publishedAt),
    latencyMs,
    late,
    revision,
    updatedAt: isoTime(record.updatedAt),
    confirmedAt: confirmedAt === null ? null : isoTime(confirmedAt),
    revokedAt: revokedAt === null ? null : isoTime(revokedAt),
  };
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}

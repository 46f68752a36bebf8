import { expect, it } from 'vitest';
import type { SignalRecord } from '../../src/signals/contract.js';
import { found } from '../../src/signals/lifecycle.js';
import { recordReport, signalReport } from '../../src/signals/report.js';
import { finding, SLOT } from '../support/signals.js';

const said = finding({ strength: 0.123456, price: 1.2e-7 });
const by = { slot: SLOT, status: 'confirmed' as const, at: SLOT + 1_234, lateAfterMs: 30_000 };
const SIGNAL = {
  id: said.id,
  symbol: 'BTCUSDT',
  timeframe: '5m',
  analyzer: 'trend',
  version: '1.0.0',
  direction: 'long',
  strength: 0.1235,
  status: 'confirmed',
  price: '0.00000012',
  candleCloseTime: '2026-01-01T12:00:00.000Z',
  reasons: said.reasons,
  inputDigest: said.inputDigest,
};

it('states a signal with its price as a decimal and its time in ISO 8601', () => {
  expect(signalReport({ ...said, status: 'confirmed' })).toEqual(SIGNAL);
});

it('states of a record also its life', () => {
  expect(recordReport((found(null, said, by) as { record: SignalRecord }).record)).toEqual({
    ...SIGNAL,
    slot: '2026-01-01T12:00:00.000Z',
    publishedAt: '2026-01-01T12:00:01.234Z',
    latencyMs: 1_234,
    late: false,
    revision: 0,
    updatedAt: '2026-01-01T12:00:01.234Z',
    confirmedAt: '2026-01-01T12:00:01.234Z',
    revokedAt: null,
  });
});

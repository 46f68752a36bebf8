import { describe, expect, it } from 'vitest';
import type { SignalRecord } from '../../src/signals/contract.js';
import { found, isKept, missed, type Statement } from '../../src/signals/lifecycle.js';
import { finding, SLOT, SLOT_MS } from '../support/signals.js';

const LATE_AFTER_MS = 30_000;
const LONG = finding({ direction: 'long', strength: 0.5 });
const SHORT = finding({ direction: 'short', strength: 0.7, price: 99, reasons: ['turned'] });

function says(status: Statement['status'], { slot = SLOT, afterMs = 1_000 } = {}): Statement {
  return { status, slot, at: slot + afterMs, lateAfterMs: LATE_AFTER_MS };
}

const LATER = { slot: SLOT + SLOT_MS };

function record(of: Parameters<typeof found>, ...then: ((known: SignalRecord) => SignalRecord)[]): SignalRecord {
  const first = found(...of);
  if (first === null) throw new Error('nothing was published');
  return then.reduce((known, step) => step(known), first.record);
}

const revoke = (by: Statement) => (known: SignalRecord) => {
  const change = missed(known, by);
  if (change === null) throw new Error('nothing was revoked');
  return change.record;
};

const PROVISIONAL = record([null, LONG, says('provisional')]);
const CONFIRMED = record([null, LONG, says('confirmed')]);
const REVOKED_UNCONFIRMED = revoke(says('confirmed'))(PROVISIONAL);
const REVOKED_CONFIRMED = revoke(says('confirmed', LATER))(CONFIRMED);

describe('a signal that is found', () => {
  it('is published with what is said and how long after the close of its candle', () => {
    expect(found(null, LONG, says('provisional'))).toEqual({
      kind: 'published',
      record: {
        ...LONG,
        status: 'provisional',
        slot: SLOT,
        publishedAt: SLOT + 1_000,
        latencyMs: 1_000,
        late: false,
        revision: 0,
        updatedAt: SLOT + 1_000,
        confirmedAt: null,
        revokedAt: null,
      },
    });
    expect(CONFIRMED).toMatchObject({ status: 'confirmed', confirmedAt: SLOT + 1_000 });
  });

  it('is late when it is published longer than allowed after its candle closed', () => {
    expect(record([null, LONG, says('confirmed', { afterMs: LATE_AFTER_MS })]).late).toBe(false);
    expect(record([null, LONG, says('confirmed', { afterMs: LATE_AFTER_MS + 1 })]).late).toBe(true);
  });

  it('stays on time when its confirmation is late: it was published before', () => {
    const change = found(PROVISIONAL, LONG, says('confirmed', { afterMs: 100_000 }));
    expect(change?.record).toMatchObject({ late: false, latencyMs: 1_000, publishedAt: SLOT + 1_000 });
  });

  it.each<[string, SignalRecord, Statement['status'], 'same' | 'other', string | null, Partial<SignalRecord>]>([
    ['provisional', PROVISIONAL, 'provisional', 'same', null, {}],
    ['provisional', PROVISIONAL, 'provisional', 'other', 'amended', { status: 'provisional', revision: 1 }],
    ['provisional', PROVISIONAL, 'confirmed', 'same', 'confirmed', { status: 'confirmed', revision: 0 }],
    ['provisional', PROVISIONAL, 'confirmed', 'other', 'confirmed', { status: 'confirmed', revision: 1 }],
    ['confirmed', CONFIRMED, 'provisional', 'same', null, {}],
    ['confirmed', CONFIRMED, 'provisional', 'other', null, {}],
    ['confirmed', CONFIRMED, 'confirmed', 'same', null, {}],
    ['confirmed', CONFIRMED, 'confirmed', 'other', 'amended', { status: 'confirmed', revision: 1 }],
    ['revoked, unconfirmed', REVOKED_UNCONFIRMED, 'provisional', 'same', 'amended', { status: 'provisional' }],
    ['revoked, unconfirmed', REVOKED_UNCONFIRMED, 'confirmed', 'same', 'confirmed', { status: 'confirmed' }],
    ['revoked, confirmed', REVOKED_CONFIRMED, 'provisional', 'same', null, {}],
    ['revoked, confirmed', REVOKED_CONFIRMED, 'confirmed', 'same', 'amended', { status: 'confirmed', revision: 1 }],
    ['revoked, confirmed', REVOKED_CONFIRMED, 'confirmed', 'other', 'amended', { status: 'confirmed', revision: 1 }],
    ['expired', { ...CONFIRMED, status: 'expired' }, 'confirmed', 'other', null, {}],
  ])('that was %s, found %#: %s statement of the %s content', (_, known, status, content, kind, expected) => {
    const by = says(status, { slot: SLOT + 2 * SLOT_MS });
    const said = content === 'same' ? LONG : SHORT;
    const change = found(known, said, by);
    expect(change?.kind ?? null).toBe(kind);
    if (change === null) return;
    expect(change.record).toMatchObject({ ...said, ...expected, slot: by.slot, updatedAt: by.at, revokedAt: null });
    expect(change.record.publishedAt).toBe(known.publishedAt);
  });

  it('keeps the instant of its first confirmation over amendments and revocations', () => {
    const amended = found(CONFIRMED, SHORT, says('confirmed', LATER));
    const again = found(REVOKED_CONFIRMED, LONG, says('confirmed', LATER));
    expect([amended?.record.confirmedAt, again?.record.confirmedAt]).toEqual([SLOT + 1_000, SLOT + 1_000]);
  });

  it('says the same when only what is behind the four decimals shown, or the input, differs', () => {
    const drifted = finding({ strength: 0.500049, inputDigest: 'e'.repeat(32), reasons: ['in other words'] });
    expect(found(CONFIRMED, drifted, says('confirmed', LATER))).toBeNull();
    expect(found(CONFIRMED, finding({ strength: 0.50006 }), says('confirmed', LATER))?.kind).toBe('amended');
  });
});

describe('a signal that is missed', () => {
  it('is revoked when it stands, by final candles once it was confirmed', () => {
    expect(missed(PROVISIONAL, says('provisional'))).toMatchObject({ kind: 'revoked', record: { status: 'revoked' } });
    expect(missed(PROVISIONAL, says('confirmed'))?.record.revokedAt).toBe(SLOT + 1_000);
    expect(missed(CONFIRMED, says('confirmed', LATER))?.record).toMatchObject({
      slot: LATER.slot,
      revokedAt: LATER.slot + 1_000,
      direction: 'long',
    });
    expect(missed(CONFIRMED, says('provisional', LATER))).toBeNull();
  });

  it('is not revoked twice, nor once it has expired', () => {
    expect(missed(REVOKED_UNCONFIRMED, says('confirmed'))).toBeNull();
    expect(missed(REVOKED_CONFIRMED, says('confirmed'))).toBeNull();
    expect(missed({ ...CONFIRMED, status: 'expired' }, says('confirmed'))).toBeNull();
  });
});

it('is kept over a restart from its first confirmation on', () => {
  expect([PROVISIONAL, REVOKED_UNCONFIRMED, CONFIRMED, REVOKED_CONFIRMED].map(isKept)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

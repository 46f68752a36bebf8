import { describe, expect, it } from 'vitest';
import { type Freshness, unreadyReasons } from '../../src/daemon/readiness.js';

const SLOT = Date.UTC(2026, 0, 1, 12);
const FRESH: Freshness = {
  stopping: false,
  startFailure: null,
  lastSlot: SLOT,
  lastFailed: false,
  now: SLOT + 10_000,
  slotMs: 300_000,
  deadlineMs: 30_000,
  closedForMs: 0,
};
const DUE = SLOT + 300_000 + 30_000 + 5_000;

describe('unreadyReasons', () => {
  it.each<[string, Partial<Freshness>, string[]]>([
    ['fresh data', {}, []],
    ['a gate that is closed while the data is fresh', { closedForMs: 60_000 }, []],
    ['the last moment at which the next slot may still come', { now: DUE }, []],
    ['a moment later', { now: DUE + 1 }, ['stale']],
    ['a start under way', { lastSlot: null }, ['starting']],
    ['a start that nothing answers', { lastSlot: null, startFailure: 'no answer' }, ['starting']],
    ['a first cycle that could analyze nothing', { lastSlot: null, lastFailed: true }, ['failed']],
    ['a cycle that could analyze nothing', { lastFailed: true }, ['failed']],
    ['one after the other, until the data is old', { lastFailed: true, now: DUE + 1 }, ['failed', 'stale']],
    ['the end, whatever else is wrong', { stopping: true, lastSlot: null, lastFailed: true }, ['stopping']],
    ['a clock before the slot', { now: SLOT - 1 }, []],
  ])('for %s', (_, of, reasons) => {
    expect(unreadyReasons({ ...FRESH, ...of }).map(({ reason }) => reason)).toEqual(reasons);
  });

  it('says what keeps the start, which slot is known, and how long requests are refused', () => {
    const details = (of: Partial<Freshness>) => unreadyReasons({ ...FRESH, ...of }).map(({ detail }) => detail);
    expect(details({ lastSlot: null, startFailure: 'connection refused', closedForMs: 6_100 })).toEqual([
      'connection refused; the exchange refuses requests for 7 s',
    ]);
    expect(details({ lastSlot: null })).toEqual(['no cycle has ended yet']);
    expect(details({ now: DUE + 1, closedForMs: 1 })).toEqual([
      'the newest slot that is known is 2026-01-01T12:00:00.000Z; the exchange refuses requests for 1 s',
    ]);
  });
});

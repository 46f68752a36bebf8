import { describe, expect, it } from 'vitest';
import type { CandleRow } from '../../../src/domain/candle.js';
import { ExchangeError } from '../../../src/domain/errors.js';
import { key, slotAfter, warmRig } from '../../support/live-slots.js';

describe('revisions', () => {
  it('X13: change the candle, the longer ones made of it, and name both', async () => {
    const rig = await warmRig();
    for (let steps = 1; steps <= 3; steps++) await rig.slot(steps);
    const openTime = slotAfter(2);
    const frame = JSON.parse(rig.market.frame('AUSDT', openTime, 99, rig.clock.now(), true) as string) as {
      data: { k: { v: string } };
    };
    const before = rig.held(key('AUSDT', '15m')).at(-1) as CandleRow;
    const volume = Number(frame.data.k.v);
    frame.data.k.v = String(volume + 1);
    rig.send('AUSDT', JSON.stringify(frame));
    expect(rig.revisions).toEqual([
      { ...key('AUSDT'), since: openTime },
      { ...key('AUSDT', '15m'), since: slotAfter(0) },
    ]);
    expect(rig.held(key('AUSDT')).at(-1)?.[5]).toBe(volume + 1);
    expect(rig.held(key('AUSDT', '15m')).at(-1)?.[5]).toBeCloseTo(before[5] + 1, 9);
    expect(rig.live.stats().revised).toBe(2);
  });

  it('X13: are heard of when the stream contradicts the candle that REST gave', async () => {
    const rig = await warmRig();
    await rig.slot(1, ['BUSDT']);
    const frame = JSON.parse(rig.market.frame('BUSDT', slotAfter(0), 99, rig.clock.now(), true) as string) as {
      data: { k: { v: string } };
    };
    frame.data.k.v = '4321';
    rig.send('BUSDT', JSON.stringify(frame));
    expect(rig.held(key('BUSDT')).at(-1)?.[5]).toBe(4321);
    expect(rig.revisions).toEqual([{ ...key('BUSDT'), since: slotAfter(0) }]);
  });

  it('are found by REST too, when it is asked for the newest candle again', async () => {
    const rig = await warmRig();
    for (let steps = 1; steps <= 3; steps++) await rig.slot(steps);
    rig.answer = async (query) => ({
      rows: rig
        .reply(query)
        .rows.map(
          (row): CandleRow => (row[0] === slotAfter(2) ? ([...row.slice(0, 5), 7] as unknown as CandleRow) : row),
        ),
      refused: {},
    });
    await rig.slot(4, ['AUSDT']);
    expect(rig.revisions.map(({ timeframe, since }) => [timeframe, since])).toEqual([
      ['5m', slotAfter(2)],
      ['15m', slotAfter(0)],
    ]);
    expect(rig.live.stats().revised).toBe(2);
  });
});

describe('the audit', () => {
  it('compares a sample of the derived candles of a slot and finds them equal', async () => {
    const rig = await warmRig({ auditSample: 2 });
    for (let steps = 1; steps <= 12; steps++) await rig.slot(steps);
    await rig.live.audit(slotAfter(11), new AbortController().signal);
    expect(rig.asked).toEqual([]);
    await rig.live.audit(slotAfter(12), new AbortController().signal);
    expect(rig.asked).toHaveLength(2);
    expect(rig.asked.every(({ lane, limit, timeframe }) => lane === 'bulk' && limit === 2 && timeframe !== '5m')).toBe(
      true,
    );
    expect(rig.live.stats()).toMatchObject({ mismatches: 0, auditFailed: 0 });
    expect(rig.live.stats().audited).toBeGreaterThanOrEqual(2);
  });

  it('counts and reports a mismatch, and takes the candle of the exchange', async () => {
    const rig = await warmRig({ auditSample: 100 });
    for (let steps = 1; steps <= 3; steps++) await rig.slot(steps);
    const other = (row: CandleRow): CandleRow => [row[0], row[1], row[2], row[3], row[4], 12_345];
    rig.answer = async (query) => {
      const { rows } = rig.reply(query);
      return { rows: query.symbol === 'BUSDT' ? rows.map(other) : rows, refused: {} };
    };
    await rig.live.audit(slotAfter(3), new AbortController().signal);
    const derived = rig.market.row('BUSDT', '15m', slotAfter(0));
    expect(rig.mismatches).toEqual([{ ...key('BUSDT', '15m'), derived, exchange: other(derived) }]);
    expect(rig.revisions).toEqual([{ ...key('BUSDT', '15m'), since: slotAfter(0) }]);
    expect(rig.live.stats()).toMatchObject({ audited: 3, mismatches: 1, revised: 1 });
    expect(rig.held(key('BUSDT', '15m')).at(-1)?.[5]).toBe(12_345);
  });

  it('counts what it could not compare, and rejects for what is no failure of the exchange', async () => {
    const rig = await warmRig({ auditSample: 100 });
    for (let steps = 1; steps <= 3; steps++) await rig.slot(steps);
    rig.answer = async () => {
      throw new ExchangeError('throttled', 'made up');
    };
    await rig.live.audit(slotAfter(3), new AbortController().signal);
    expect(rig.live.stats()).toMatchObject({ audited: 0, auditFailed: 3 });
    rig.answer = async () => {
      throw new TypeError('a bug');
    };
    await expect(rig.live.audit(slotAfter(3), new AbortController().signal)).rejects.toThrow('a bug');
  });
});

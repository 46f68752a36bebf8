import { describe, expect, it } from 'vitest';
import { ExchangeError } from '../../../src/domain/errors.js';
import { columnsOf } from '../../../src/domain/series.js';
import { SECOND } from '../../support/fake-clock.js';
import { coldRig, key, SYMBOLS, slotAfter, warmRig } from '../../support/live-slots.js';
import { MIDNIGHT } from '../../support/stream-frames.js';

describe('the order history, stream, rest', () => {
  it('fills a cold market by history alone when its slot has settled', async () => {
    const rig = coldRig();
    const { windows, skipped, filled } = await rig.cycle(MIDNIGHT);
    expect(windows).toHaveLength(9);
    expect(skipped).toEqual([]);
    expect(filled.map(({ source }) => source)).toEqual(['history']);
    expect(rig.asked).toHaveLength(9);
    expect(rig.asked.every(({ lane }) => lane === 'bulk')).toBe(true);
    rig.expectGolden(0);
  });

  it('asks REST for nothing when every candle closes in time', async () => {
    const rig = await warmRig();
    const { windows, skipped, filled } = await rig.slot(1);
    expect(rig.asked).toEqual([]);
    expect(skipped).toEqual([]);
    expect(windows).toHaveLength(9);
    expect(filled.map(({ source }) => source)).toEqual(['history', 'stream']);
    expect(filled[1]?.endedAt).toBe((filled[1]?.startedAt ?? 0) + 300);
    expect(rig.live.stats().closed).toEqual({ flag: 3, later: 0, rest: 0 });
    rig.expectGolden(1);
  });

  it('W2: fetches exactly the candle that did not close, in the urgent lane, when the slot has settled', async () => {
    const rig = await warmRig();
    const { skipped, filled } = await rig.slot(1, ['BUSDT']);
    expect(skipped).toEqual([]);
    expect(filled.map(({ source }) => source)).toEqual(['history', 'stream', 'rest']);
    expect(filled[1]?.outcomes.filter(({ skip }) => skip !== null)).toMatchObject([{ ...key('BUSDT'), skip: 'stale' }]);
    expect(rig.asked).toEqual([
      {
        ...key('BUSDT'),
        limit: 2,
        startTime: slotAfter(-1),
        endTime: slotAfter(1) - 1,
        lane: 'urgent',
        at: slotAfter(1) + 2_500,
      },
    ]);
    expect(rig.live.stats().closed).toEqual({ flag: 2, later: 0, rest: 1 });
    rig.expectGolden(1);
  });

  it('takes a candle once when its closing frame comes after REST gave it', async () => {
    const rig = await warmRig();
    await rig.slot(1, ['BUSDT']);
    rig.close('BUSDT', slotAfter(0));
    expect(rig.live.stats()).toMatchObject({ revised: 0, closed: { rest: 1 } });
    await rig.slot(2);
    rig.expectGolden(2);
  });

  it('skips a series that nobody can bring, with the reason of the last source, and gives the others', async () => {
    const rig = await warmRig();
    rig.answer = async () => {
      throw new ExchangeError('unavailable', 'made up');
    };
    const { windows, skipped } = await rig.slot(1, ['CUSDT']);
    expect(windows).toHaveLength(8);
    expect(skipped).toMatchObject([{ ...key('CUSDT'), reason: 'timeout', have: 30 }]);
    rig.answer = async (query) => rig.reply(query);
    expect((await rig.slot(2)).skipped).toEqual([]);
    rig.expectGolden(2);
  });

  it('waits for no candle that nobody streams or of a slot long settled', async () => {
    const rig = await warmRig();
    await rig.until(slotAfter(1));
    rig.live.setSymbols(['AUSDT']);
    const cycle = rig.cycle(slotAfter(1), ['BUSDT']);
    await rig.clock.advance(0);
    expect((await cycle).filled.map(({ source }) => source)).toEqual(['history', 'stream', 'rest']);
    await rig.until(slotAfter(1) + 60 * SECOND);
    const late = rig.cycle(slotAfter(1), ['AUSDT']);
    await rig.clock.advance(0);
    expect((await late).filled.map(({ source }) => source)).toEqual(['history']);
  });

  it('waits as long as the settle time of the moment says', async () => {
    const rig = await warmRig();
    rig.live.reconfigure({ settleMs: 6 * SECOND });
    await rig.until(slotAfter(1));
    const cycle = rig.cycle(slotAfter(1));
    await rig.clock.advance(5 * SECOND);
    expect(rig.asked).toEqual([]);
    await rig.clock.advance(2 * SECOND);
    await cycle;
    expect(rig.asked.map(({ at }) => at)).toEqual(SYMBOLS.map(() => slotAfter(1) + 6 * SECOND));
    rig.expectGolden(1);
  });

  it('ends every wait when it is stopped', async () => {
    const rig = await warmRig();
    await rig.until(slotAfter(1));
    const cycle = rig.cycle(slotAfter(1));
    await rig.clock.advance(10);
    await rig.live.stop();
    expect((await cycle).filled.map(({ source }) => source)).toEqual(['history', 'stream', 'rest']);
  });

  it('T3: what closed while a cycle ran too long is there for the next, and the window of a late cycle ends at its slot', async () => {
    const rig = await warmRig();
    await rig.slot(1);
    await rig.slot(2);
    const { windows, held } = await rig.cycle(slotAfter(1));
    expect(held).toBe(9);
    const base = windows.find(({ timeframe }) => timeframe === '5m');
    expect(base && columnsOf(base).openTime.at(-1)).toBe(slotAfter(0));
  });
});

describe('derived timeframes', () => {
  it('are whole at their slots without a request: 15m after three candles, 1h after twelve', async () => {
    const rig = await warmRig();
    for (let steps = 1; steps <= 12; steps++) expect((await rig.slot(steps)).skipped).toEqual([]);
    expect(rig.asked).toEqual([]);
    rig.expectGolden(12);
    expect(rig.held(key('AUSDT', '1h')).at(-1)?.[0]).toBe(MIDNIGHT);
    expect(rig.live.stats().derived).toBe(3 * (4 + 1));
    const series = rig.store.get(key('AUSDT', '1h'));
    expect(series && columnsOf(series.window()).source.at(-1)).toBe(4);
  });

  it('follow when REST brings the last base candle', async () => {
    const rig = await warmRig();
    await rig.slot(1);
    await rig.slot(2);
    const { skipped } = await rig.slot(3, ['AUSDT']);
    expect(skipped).toEqual([]);
    expect(rig.asked.map(({ timeframe }) => timeframe)).toEqual(['5m']);
    rig.expectGolden(3);
  });

  it('are fetched when derivation is off', async () => {
    const rig = await warmRig({ derive: false });
    await rig.slot(1);
    await rig.slot(2);
    expect((await rig.slot(3)).skipped).toEqual([]);
    expect(rig.asked.map(({ timeframe, limit }) => `${timeframe} ${limit}`)).toEqual(['15m 2', '15m 2', '15m 2']);
    expect(rig.live.stats().derived).toBe(0);
    rig.expectGolden(3);
  });

  it('are caught up over a long absence from base candles, one request per symbol', async () => {
    const rig = await warmRig();
    await rig.until(slotAfter(25) + 60 * SECOND);
    rig.asked.length = 0;
    await rig.cycle(slotAfter(25));
    expect(rig.asked.filter(({ timeframe }) => timeframe !== '5m')).toEqual([]);
    rig.expectGolden(25);
  });
});

describe('forming candles', () => {
  it('are known until they are final, also the one that has just ended', async () => {
    const rig = await warmRig();
    await rig.clock.advance(SECOND);
    const first = rig.live.forming('AUSDT', slotAfter(0));
    expect(first?.[0]).toBe(slotAfter(0));
    await rig.until(slotAfter(1) + 100);
    // Without its last trades: a later frame alone must not close it.
    rig.send('AUSDT', rig.market.frame('AUSDT', slotAfter(1), 1, rig.clock.now(), false));
    await rig.clock.advance(300);
    expect(rig.live.forming('AUSDT', slotAfter(0))).toEqual(first);
    expect(rig.live.forming('AUSDT', slotAfter(1))?.[0]).toBe(slotAfter(1));
    rig.close('AUSDT', slotAfter(0));
    expect(rig.live.forming('AUSDT', slotAfter(0))).toBeNull();
    expect(rig.live.forming('AUSDT', slotAfter(1))?.[0]).toBe(slotAfter(1));
    rig.live.setSymbols(['BUSDT', 'CUSDT']);
    expect(rig.live.forming('AUSDT', slotAfter(1))).toBeNull();
  });
});

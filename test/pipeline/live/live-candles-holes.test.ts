import { describe, expect, it } from 'vitest';
import { ExchangeError } from '../../../src/domain/errors.js';
import { columnsOf } from '../../../src/domain/series.js';
import { SECOND } from '../../support/fake-clock.js';
import { coldRig, key, type SlotRig, SYMBOLS, slotAfter, warmRig } from '../../support/live-slots.js';

describe('holes', () => {
  it('are asked for at once, up to the candle that showed them, and count as repaired', async () => {
    const rig = await warmRig();
    await rig.until(slotAfter(1) + SECOND);
    rig.trade(slotAfter(1));
    await rig.until(slotAfter(2) + 300);
    rig.close('AUSDT', slotAfter(1));
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(-1));
    await rig.clock.advance(0);
    expect(rig.asked).toMatchObject([{ ...key('AUSDT'), limit: 2, endTime: slotAfter(1) - 1, lane: 'urgent' }]);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(1));
    expect(rig.live.stats()).toMatchObject({ gaps: { repaired: 1, unrepaired: 0 }, closed: { flag: 1, rest: 1 } });
  });

  it('W1: of a reconnect are asked for when the data flows again, for what has settled only', async () => {
    const rig = await warmRig();
    await rig.until(slotAfter(1) + 100);
    for (const socket of rig.exchange.live) socket.end({ reason: 'network', detail: 'reset' });
    rig.exchange.onConnect = () => {};
    await rig.until(slotAfter(3) + 60 * SECOND);
    expect(rig.asked).toEqual([]);
    rig.exchange.onConnect = (socket) => queueMicrotask(() => socket.open());
    await rig.until(slotAfter(4) - SECOND);
    expect(rig.asked.map(({ symbol, limit, lane }) => [symbol, limit, lane])).toEqual(
      SYMBOLS.map((symbol) => [symbol, 4, 'urgent']),
    );
    expect(rig.live.stats().gaps).toEqual({ repaired: 3, unrepaired: 0 });
    rig.expectGolden(3);
  });

  it.each([
    [2_500, 'are left to the cycle of a slot that settles this very ms', 0],
    [2_501, 'are asked for when the slot has settled', 3],
  ])('of a reconnect whose first data comes %i ms after a slot %s', async (afterMs, _what, asked) => {
    const rig = await warmRig();
    await rig.until(slotAfter(1) - SECOND);
    for (const socket of rig.exchange.live) socket.end({ reason: 'network', detail: 'reset' });
    rig.exchange.onConnect = (socket) => queueMicrotask(() => socket.open());
    await rig.clock.advance(slotAfter(1) + afterMs - rig.clock.now());
    rig.trade(slotAfter(1));
    await rig.clock.advance(0);
    expect(rig.asked).toHaveLength(asked);
    expect(rig.live.stats().gaps).toEqual({ repaired: asked, unrepaired: 0 });
  });

  it('W1: are none 10 s after all connections were lost just before a close, and each is back by then', async () => {
    const rig = await warmRig({ streamsPerConnection: 1 });
    await rig.until(slotAfter(1) - SECOND);
    for (const socket of rig.exchange.live) socket.end({ reason: 'closed', detail: 'close 1012' });
    await rig.clock.advance(SECOND);
    const cycle = rig.cycle(slotAfter(1));
    await rig.clock.advance(7 * SECOND);
    rig.trade(slotAfter(1));
    await rig.clock.advance(SECOND);
    expect((await cycle).skipped).toEqual([]);
    rig.expectGolden(1);
    expect(rig.live.stats().stream).toMatchObject({
      connects: 6,
      connections: { open: 3 },
      streams: { confirmed: 3 },
      reconnects: { closed: 3 },
    });
  });

  it('that REST cannot close are counted, and closed with the next candle', async () => {
    const rig = await warmRig();
    rig.answer = async () => {
      throw new ExchangeError('unreachable', 'made up');
    };
    await rig.until(slotAfter(2) + 300);
    rig.close('AUSDT', slotAfter(1));
    await rig.clock.advance(0);
    expect(rig.live.stats().gaps).toEqual({ repaired: 0, unrepaired: 1 });
    expect(rig.asked).toHaveLength(1);
    rig.answer = async (query) => rig.reply(query);
    await rig.until(slotAfter(3) + 300);
    rig.close('AUSDT', slotAfter(2));
    await rig.clock.advance(0);
    expect(rig.live.stats().gaps).toEqual({ repaired: 1, unrepaired: 1 });
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(2));
  });

  it('count as repaired, and are not asked for again, when a cycle closes them while REST is slow', async () => {
    const rig = await warmRig();
    await rig.until(slotAfter(2) + 300);
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    rig.answer = async (query, { lane }) => {
      if (lane === 'urgent') await answered;
      return rig.reply(query);
    };
    rig.close('AUSDT', slotAfter(1));
    const cycle = rig.cycle(slotAfter(2), ['AUSDT']);
    await rig.clock.advance(10);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(1));
    answer();
    await rig.clock.advance(5 * SECOND);
    expect((await cycle).skipped).toEqual([]);
    expect(rig.asked.map(({ lane }) => lane).sort()).toEqual(['bulk', 'urgent']);
    expect(rig.live.stats().gaps).toEqual({ repaired: 1, unrepaired: 0 });
  });

  it('X14: are not asked for when their symbol is gone by the time that it is their turn', async () => {
    const rig = await warmRig();
    await rig.until(slotAfter(2) + 300);
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    rig.answer = async (query) => {
      await answered;
      return rig.reply(query);
    };
    rig.close('AUSDT', slotAfter(1));
    await rig.clock.advance(0);
    rig.close('BUSDT', slotAfter(1));
    rig.close('CUSDT', slotAfter(1));
    rig.live.setSymbols(['AUSDT', 'CUSDT']);
    answer();
    await rig.clock.advance(0);
    expect(rig.asked.map(({ symbol }) => symbol)).toEqual(['AUSDT', 'CUSDT']);
  });

  it('X12: that the exchange itself has leave the run behind them, and the series too short is named as cut', async () => {
    const rig = await warmRig();
    const lost = slotAfter(0);
    rig.answer = async (query) => ({ rows: rig.reply(query).rows.filter(([time]) => time !== lost), refused: {} });
    await rig.until(slotAfter(2));
    const cycle = rig.cycle(slotAfter(2), ['AUSDT']);
    await rig.clock.advance(5 * SECOND);
    const { filled } = await cycle;
    const cut = filled.flatMap(({ outcomes }) => outcomes).filter(({ cutBy }) => cutBy === 'gap');
    expect(cut.map(({ symbol, timeframe }) => `${symbol} ${timeframe}`)).toContain('AUSDT 5m');
    expect(rig.held(key('AUSDT')).map(([time]) => time)).toEqual([slotAfter(1)]);
  });

  it('keeps candles that close before a series is loaded until history has brought it to them', async () => {
    const rig = coldRig();
    rig.live.start();
    await rig.clock.advance(2 * SECOND);
    rig.trade(slotAfter(0));
    await rig.until(slotAfter(1) + 200);
    for (const symbol of SYMBOLS) rig.close(symbol, slotAfter(0));
    expect(rig.store.get(key('AUSDT'))).toBeUndefined();
    const cycle = rig.cycle(slotAfter(1));
    await rig.clock.advance(0);
    const { skipped, filled } = await cycle;
    expect(skipped).toEqual([]);
    expect(filled.map(({ source }) => source)).toEqual(['history']);
    expect(rig.asked.every(({ lane, endTime = 0 }) => lane === 'bulk' && endTime < slotAfter(0))).toBe(true);
    rig.expectGolden(1);
  });
});

describe('candles that wait for others', () => {
  /** Closes candles of AUSDT whose hole REST does not close, each behind it. */
  async function pileUp(from: number, to: number): Promise<SlotRig> {
    const rig = await warmRig();
    rig.answer = async () => {
      throw new ExchangeError('unreachable', 'made up');
    };
    for (let steps = from; steps <= to; steps++) {
      await rig.until(slotAfter(steps) + 300);
      rig.close('AUSDT', slotAfter(steps - 1));
    }
    await rig.clock.advance(0);
    rig.answer = async (query) => rig.reply(query);
    return rig;
  }

  it('go in with the sources they came from as soon as the hole is closed', async () => {
    const rig = await pileUp(2, 4);
    await rig.until(slotAfter(4) + 60 * SECOND);
    await rig.cycle(slotAfter(1), ['AUSDT']);
    expect(rig.asked.at(-1)).toMatchObject({ limit: 2, endTime: slotAfter(1) - 1 });
    const series = rig.store.get(key('AUSDT'));
    expect(series && [...columnsOf(series.window({ count: 5 })).source]).toEqual([1, 1, 2, 2, 2]);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(3));
    expect(rig.held(key('AUSDT', '15m')).at(-1)).toEqual(rig.market.row('AUSDT', '15m', slotAfter(0)));
  });

  it('are at most four; older ones are a hole like any other', async () => {
    const rig = await pileUp(2, 7);
    await rig.until(slotAfter(7) + 60 * SECOND);
    await rig.cycle(slotAfter(1), ['AUSDT']);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(0));
    await rig.cycle(slotAfter(3), ['AUSDT']);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(6));
    expect(rig.held(key('AUSDT'))).toEqual(rig.held(key('AUSDT')).map(([time]) => rig.market.row('AUSDT', '5m', time)));
  });

  it('go in as they were stated last', async () => {
    const rig = await pileUp(2, 2);
    const frame = JSON.parse(rig.market.frame('AUSDT', slotAfter(1), 99, rig.clock.now(), true) as string) as {
      data: { k: { v: string } };
    };
    frame.data.k.v = '4321';
    rig.send('AUSDT', JSON.stringify(frame));
    await rig.until(slotAfter(2) + 60 * SECOND);
    await rig.cycle(slotAfter(1), ['AUSDT']);
    expect(rig.held(key('AUSDT')).at(-1)?.[5]).toBe(4321);
  });

  it('are forgotten with their symbol', async () => {
    const rig = await pileUp(2, 3);
    rig.live.setSymbols(['BUSDT', 'CUSDT']);
    await rig.cycle(slotAfter(1), ['AUSDT']);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(0));
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import type { CandleRow } from '../../../src/domain/candle.js';
import { ExchangeError } from '../../../src/domain/errors.js';
import { columnsOf } from '../../../src/domain/series.js';
import { Market, Rig, type RigOptions, TIMEFRAMES } from '../../support/live.js';
import { MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';

const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'];
const SECOND = 1_000;
const slotAfter = (steps: number) => MIDNIGHT + steps * STEP_MS;
const key = (symbol: string, timeframe: (typeof TIMEFRAMES)[number] = '5m') => ({ symbol, timeframe });

let rig: Rig;

function build(options: Partial<RigOptions> = {}): Rig {
  rig = new Rig({ market: new Market(SYMBOLS, 40), ...options });
  return rig;
}

/** Brings every series up to midnight by one cycle, and connects the stream. */
async function warm(options: Partial<RigOptions> = {}): Promise<Rig> {
  build(options);
  await rig.cycle(MIDNIGHT);
  rig.live.start();
  await rig.clock.advance(2 * SECOND);
  trade(slotAfter(0));
  rig.asked.length = 0;
  return rig;
}

/** Every stream shows the first state of the candle that opened at `openTime`: so it is confirmed. */
function trade(openTime: number): void {
  for (const symbol of SYMBOLS) rig.send(symbol, rig.market.frame(symbol, openTime, 1, rig.clock.now(), false));
}

/** Lets time pass while every stream shows its forming candle often enough for its connection to live. */
async function until(time: number): Promise<void> {
  while (rig.clock.now() < time) {
    await rig.clock.advance(Math.min(20 * SECOND, time - rig.clock.now()));
    trade(Math.floor(rig.clock.now() / STEP_MS) * STEP_MS);
  }
}

/** A slot at which every symbol but the excepted closes 300 ms late, and its cycle. */
async function slot(steps: number, except: readonly string[] = []) {
  await until(slotAfter(steps));
  const cycle = rig.cycle(slotAfter(steps));
  await rig.clock.advance(300);
  for (const symbol of SYMBOLS) if (!except.includes(symbol)) rig.close(symbol, slotAfter(steps - 1));
  trade(slotAfter(steps));
  await rig.clock.advance(5 * SECOND);
  return cycle;
}

function expectGolden(steps: number): void {
  for (const symbol of SYMBOLS) {
    for (const timeframe of TIMEFRAMES) {
      const rows = rig.held({ symbol, timeframe });
      expect(rows).toEqual(rows.map(([openTime]) => rig.market.row(symbol, timeframe, openTime)));
    }
    expect(rig.held(key(symbol)).at(-1)?.[0]).toBe(slotAfter(steps - 1));
  }
}

afterEach(async () => {
  await rig.live.stop();
  await rig.clock.advance(0);
  expect(rig.errors).toEqual([]);
  expect(rig.clock.pendingTimers).toBe(0);
});

describe('the order history, stream, rest', () => {
  it('fills a cold market by history alone when its slot has settled', async () => {
    build();
    const { windows, skipped, filled } = await rig.cycle(MIDNIGHT);
    expect(windows).toHaveLength(9);
    expect(skipped).toEqual([]);
    expect(filled.map(({ source }) => source)).toEqual(['history']);
    expect(rig.asked).toHaveLength(9);
    expect(rig.asked.every(({ lane }) => lane === 'bulk')).toBe(true);
    expectGolden(0);
  });

  it('asks REST for nothing when every candle closes in time', async () => {
    await warm();
    const { windows, skipped, filled } = await slot(1);
    expect(rig.asked).toEqual([]);
    expect(skipped).toEqual([]);
    expect(windows).toHaveLength(9);
    expect(filled.map(({ source }) => source)).toEqual(['history', 'stream']);
    expect(filled[1]?.endedAt).toBe((filled[1]?.startedAt ?? 0) + 300);
    expect(rig.live.stats().closed).toEqual({ flag: 3, later: 0, rest: 0 });
    expectGolden(1);
  });

  it('W2: fetches exactly the candle that did not close, in the urgent lane, when the slot has settled', async () => {
    await warm();
    const { skipped, filled } = await slot(1, ['BUSDT']);
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
    expectGolden(1);
  });

  it('takes a candle once when its closing frame comes after REST gave it', async () => {
    await warm();
    await slot(1, ['BUSDT']);
    rig.close('BUSDT', slotAfter(0));
    expect(rig.live.stats()).toMatchObject({ revised: 0, closed: { rest: 1 } });
    await slot(2);
    expectGolden(2);
  });

  it('skips a series that nobody can bring, with the reason of the last source, and gives the others', async () => {
    await warm();
    rig.answer = async () => {
      throw new ExchangeError('unavailable', 'made up');
    };
    const { windows, skipped } = await slot(1, ['CUSDT']);
    expect(windows).toHaveLength(8);
    expect(skipped).toMatchObject([{ ...key('CUSDT'), reason: 'timeout', have: 30 }]);
    rig.answer = async (query) => rig.reply(query);
    expect((await slot(2)).skipped).toEqual([]);
    expectGolden(2);
  });

  it('waits for no candle that nobody streams or of a slot long settled', async () => {
    await warm();
    await until(slotAfter(1));
    rig.live.setSymbols(['AUSDT']);
    const cycle = rig.cycle(slotAfter(1), ['BUSDT']);
    await rig.clock.advance(0);
    expect((await cycle).filled.map(({ source }) => source)).toEqual(['history', 'stream', 'rest']);
    await until(slotAfter(1) + 60 * SECOND);
    const late = rig.cycle(slotAfter(1), ['AUSDT']);
    await rig.clock.advance(0);
    expect((await late).filled.map(({ source }) => source)).toEqual(['history']);
  });

  it('waits as long as the settle time of the moment says', async () => {
    await warm();
    rig.live.reconfigure({ settleMs: 6 * SECOND });
    await until(slotAfter(1));
    const cycle = rig.cycle(slotAfter(1));
    await rig.clock.advance(5 * SECOND);
    expect(rig.asked).toEqual([]);
    await rig.clock.advance(2 * SECOND);
    await cycle;
    expect(rig.asked.map(({ at }) => at)).toEqual(SYMBOLS.map(() => slotAfter(1) + 6 * SECOND));
    expectGolden(1);
  });

  it('ends every wait when it is stopped', async () => {
    await warm();
    await until(slotAfter(1));
    const cycle = rig.cycle(slotAfter(1));
    await rig.clock.advance(10);
    await rig.live.stop();
    expect((await cycle).filled.map(({ source }) => source)).toEqual(['history', 'stream', 'rest']);
  });

  it('T3: what closed while a cycle ran too long is there for the next, and the window of a late cycle ends at its slot', async () => {
    await warm();
    await slot(1);
    await slot(2);
    const { windows, held } = await rig.cycle(slotAfter(1));
    expect(held).toBe(9);
    const base = windows.find(({ timeframe }) => timeframe === '5m');
    expect(base && columnsOf(base).openTime.at(-1)).toBe(slotAfter(0));
  });
});

describe('derived timeframes', () => {
  it('are whole at their slots without a request: 15m after three candles, 1h after twelve', async () => {
    await warm();
    for (let steps = 1; steps <= 12; steps++) expect((await slot(steps)).skipped).toEqual([]);
    expect(rig.asked).toEqual([]);
    expectGolden(12);
    expect(rig.held(key('AUSDT', '1h')).at(-1)?.[0]).toBe(MIDNIGHT);
    expect(rig.live.stats().derived).toBe(3 * (4 + 1));
    const series = rig.store.get(key('AUSDT', '1h'));
    expect(series && columnsOf(series.window()).source.at(-1)).toBe(4);
  });

  it('follow when REST brings the last base candle', async () => {
    await warm();
    await slot(1);
    await slot(2);
    const { skipped } = await slot(3, ['AUSDT']);
    expect(skipped).toEqual([]);
    expect(rig.asked.map(({ timeframe }) => timeframe)).toEqual(['5m']);
    expectGolden(3);
  });

  it('are fetched when derivation is off', async () => {
    await warm({ derive: false });
    await slot(1);
    await slot(2);
    expect((await slot(3)).skipped).toEqual([]);
    expect(rig.asked.map(({ timeframe, limit }) => `${timeframe} ${limit}`)).toEqual(['15m 2', '15m 2', '15m 2']);
    expect(rig.live.stats().derived).toBe(0);
    expectGolden(3);
  });

  it('are caught up over a long absence from base candles, one request per symbol', async () => {
    await warm();
    await until(slotAfter(25) + 60 * SECOND);
    rig.asked.length = 0;
    await rig.cycle(slotAfter(25));
    expect(rig.asked.filter(({ timeframe }) => timeframe !== '5m')).toEqual([]);
    expectGolden(25);
  });
});

describe('holes', () => {
  it('are asked for at once, up to the candle that showed them, and count as repaired', async () => {
    await warm();
    await until(slotAfter(1) + SECOND);
    trade(slotAfter(1));
    await until(slotAfter(2) + 300);
    rig.close('AUSDT', slotAfter(1));
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(-1));
    await rig.clock.advance(0);
    expect(rig.asked).toMatchObject([{ ...key('AUSDT'), limit: 2, endTime: slotAfter(1) - 1, lane: 'urgent' }]);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(1));
    expect(rig.live.stats()).toMatchObject({ gaps: { repaired: 1, unrepaired: 0 }, closed: { flag: 1, rest: 1 } });
  });

  it('W1: of a reconnect are asked for when the data flows again, for what has settled only', async () => {
    await warm();
    await until(slotAfter(1) + 100);
    for (const socket of rig.exchange.live) socket.end({ reason: 'network', detail: 'reset' });
    rig.exchange.onConnect = () => {};
    await until(slotAfter(3) + 60 * SECOND);
    expect(rig.asked).toEqual([]);
    rig.exchange.onConnect = (socket) => queueMicrotask(() => socket.open());
    await until(slotAfter(4) - SECOND);
    expect(rig.asked.map(({ symbol, limit, lane }) => [symbol, limit, lane])).toEqual(
      SYMBOLS.map((symbol) => [symbol, 4, 'urgent']),
    );
    expect(rig.live.stats().gaps).toEqual({ repaired: 3, unrepaired: 0 });
    expectGolden(3);
  });

  it('that REST cannot close are counted, and closed with the next candle', async () => {
    await warm();
    rig.answer = async () => {
      throw new ExchangeError('unreachable', 'made up');
    };
    await until(slotAfter(2) + 300);
    rig.close('AUSDT', slotAfter(1));
    await rig.clock.advance(0);
    expect(rig.live.stats().gaps).toEqual({ repaired: 0, unrepaired: 1 });
    expect(rig.asked).toHaveLength(1);
    rig.answer = async (query) => rig.reply(query);
    await until(slotAfter(3) + 300);
    rig.close('AUSDT', slotAfter(2));
    await rig.clock.advance(0);
    expect(rig.live.stats().gaps).toEqual({ repaired: 1, unrepaired: 1 });
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(2));
  });

  it('X12: that the exchange itself has leave the run behind them, and the series too short is named as cut', async () => {
    await warm();
    const lost = slotAfter(0);
    rig.answer = async (query) => ({ rows: rig.reply(query).rows.filter(([time]) => time !== lost), refused: {} });
    await until(slotAfter(2));
    const cycle = rig.cycle(slotAfter(2), ['AUSDT']);
    await rig.clock.advance(5 * SECOND);
    const { filled } = await cycle;
    const cut = filled.flatMap(({ outcomes }) => outcomes).filter(({ cutBy }) => cutBy === 'gap');
    expect(cut.map(({ symbol, timeframe }) => `${symbol} ${timeframe}`)).toContain('AUSDT 5m');
    expect(rig.held(key('AUSDT')).map(([time]) => time)).toEqual([slotAfter(1)]);
  });

  it('keeps candles that close before a series is loaded until history has brought it to them', async () => {
    build();
    rig.live.start();
    await rig.clock.advance(2 * SECOND);
    trade(slotAfter(0));
    await until(slotAfter(1) + 200);
    for (const symbol of SYMBOLS) rig.close(symbol, slotAfter(0));
    expect(rig.store.get(key('AUSDT'))).toBeUndefined();
    const cycle = rig.cycle(slotAfter(1));
    await rig.clock.advance(0);
    const { skipped, filled } = await cycle;
    expect(skipped).toEqual([]);
    expect(filled.map(({ source }) => source)).toEqual(['history']);
    expect(rig.asked.every(({ lane, endTime = 0 }) => lane === 'bulk' && endTime < slotAfter(0))).toBe(true);
    expectGolden(1);
  });
});

describe('candles that wait for others', () => {
  /** Closes candles of AUSDT whose hole REST does not close, each behind it. */
  async function pileUp(from: number, to: number): Promise<void> {
    await warm();
    rig.answer = async () => {
      throw new ExchangeError('unreachable', 'made up');
    };
    for (let steps = from; steps <= to; steps++) {
      await until(slotAfter(steps) + 300);
      rig.close('AUSDT', slotAfter(steps - 1));
    }
    await rig.clock.advance(0);
    rig.answer = async (query) => rig.reply(query);
  }

  it('go in with the sources they came from as soon as the hole is closed', async () => {
    await pileUp(2, 4);
    await until(slotAfter(4) + 60 * SECOND);
    await rig.cycle(slotAfter(1), ['AUSDT']);
    expect(rig.asked.at(-1)).toMatchObject({ limit: 2, endTime: slotAfter(1) - 1 });
    const series = rig.store.get(key('AUSDT'));
    expect(series && [...columnsOf(series.window({ count: 5 })).source]).toEqual([1, 1, 2, 2, 2]);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(3));
    expect(rig.held(key('AUSDT', '15m')).at(-1)).toEqual(rig.market.row('AUSDT', '15m', slotAfter(0)));
  });

  it('are at most four; older ones are a hole like any other', async () => {
    await pileUp(2, 7);
    await until(slotAfter(7) + 60 * SECOND);
    await rig.cycle(slotAfter(1), ['AUSDT']);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(0));
    await rig.cycle(slotAfter(3), ['AUSDT']);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(6));
    expect(rig.held(key('AUSDT'))).toEqual(rig.held(key('AUSDT')).map(([time]) => rig.market.row('AUSDT', '5m', time)));
  });

  it('go in as they were stated last', async () => {
    await pileUp(2, 2);
    const frame = JSON.parse(rig.market.frame('AUSDT', slotAfter(1), 99, rig.clock.now(), true) as string) as {
      data: { k: { v: string } };
    };
    frame.data.k.v = '4321';
    rig.send('AUSDT', JSON.stringify(frame));
    await until(slotAfter(2) + 60 * SECOND);
    await rig.cycle(slotAfter(1), ['AUSDT']);
    expect(rig.held(key('AUSDT')).at(-1)?.[5]).toBe(4321);
  });

  it('are forgotten with their symbol', async () => {
    await pileUp(2, 3);
    rig.live.setSymbols(['BUSDT', 'CUSDT']);
    await rig.cycle(slotAfter(1), ['AUSDT']);
    expect(rig.held(key('AUSDT')).at(-1)?.[0]).toBe(slotAfter(0));
  });
});

describe('revisions', () => {
  it('X13: change the candle, the longer ones made of it, and name both', async () => {
    await warm();
    for (let steps = 1; steps <= 3; steps++) await slot(steps);
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
    await warm();
    await slot(1, ['BUSDT']);
    const frame = JSON.parse(rig.market.frame('BUSDT', slotAfter(0), 99, rig.clock.now(), true) as string) as {
      data: { k: { v: string } };
    };
    frame.data.k.v = '4321';
    rig.send('BUSDT', JSON.stringify(frame));
    expect(rig.held(key('BUSDT')).at(-1)?.[5]).toBe(4321);
    expect(rig.revisions).toEqual([{ ...key('BUSDT'), since: slotAfter(0) }]);
  });

  it('are found by REST too, when it is asked for the newest candle again', async () => {
    await warm();
    for (let steps = 1; steps <= 3; steps++) await slot(steps);
    rig.answer = async (query) => ({
      rows: rig
        .reply(query)
        .rows.map(
          (row): CandleRow => (row[0] === slotAfter(2) ? ([...row.slice(0, 5), 7] as unknown as CandleRow) : row),
        ),
      refused: {},
    });
    await slot(4, ['AUSDT']);
    expect(rig.revisions.map(({ timeframe, since }) => [timeframe, since])).toEqual([
      ['5m', slotAfter(2)],
      ['15m', slotAfter(0)],
    ]);
  });
});

describe('the audit', () => {
  it('compares a sample of the derived candles of a slot and finds them equal', async () => {
    await warm({ auditSample: 2 });
    for (let steps = 1; steps <= 12; steps++) await slot(steps);
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
    await warm({ auditSample: 100 });
    for (let steps = 1; steps <= 3; steps++) await slot(steps);
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
    await warm({ auditSample: 100 });
    for (let steps = 1; steps <= 3; steps++) await slot(steps);
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

describe('forming candles', () => {
  it('are known until they are final, also the one that has just ended', async () => {
    await warm();
    await rig.clock.advance(SECOND);
    const first = rig.live.forming('AUSDT', slotAfter(0));
    expect(first?.[0]).toBe(slotAfter(0));
    await until(slotAfter(1) + 100);
    // Without its last trades: a later frame alone must not close it.
    rig.send('AUSDT', rig.market.frame('AUSDT', slotAfter(1), 1, rig.clock.now(), false));
    await rig.clock.advance(300);
    expect(rig.live.forming('AUSDT', slotAfter(0))).toEqual(first);
    expect(rig.live.forming('AUSDT', slotAfter(1))?.[0]).toBe(slotAfter(1));
    rig.close('AUSDT', slotAfter(0));
    expect(rig.live.forming('AUSDT', slotAfter(0))).toBeNull();
    expect(rig.live.forming('AUSDT', slotAfter(1))?.[0]).toBe(slotAfter(1));
  });
});

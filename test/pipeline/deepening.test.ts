import { afterEach, describe, expect, it } from 'vitest';
import { ExchangeError, type ExchangeErrorKind } from '../../src/domain/errors.js';
import { columnsOf } from '../../src/domain/series.js';
import type { KlineQuery, KlineReply } from '../../src/pipeline/exchange/contract.js';
import { DeepeningRig, held, rowsOf, SLOT, sourcesOf, truth, truths } from '../support/deepening.js';
import { settled } from '../support/fake-clock.js';
import { named } from '../support/universe.js';

const MINUTE = 60_000;
const STEP = 300_000;
const KEY = { symbol: 'AUSDT', timeframe: '5m' } as const;

let rig: DeepeningRig;

function build(options: ConstructorParameters<typeof DeepeningRig>[0] = {}): DeepeningRig {
  rig = new DeepeningRig(options);
  rig.deepening.start();
  return rig;
}

/** Requests that the test answers one by one. */
function heldBack(): { readonly query: KlineQuery; readonly reply: (rows?: KlineReply) => Promise<void> }[] {
  const open: { query: KlineQuery; reply: (rows?: KlineReply) => Promise<void> }[] = [];
  rig.answer = (query) =>
    new Promise((resolve) =>
      open.push({
        query,
        reply: async (rows = rig.reply(query)) => {
          resolve(rows);
          await settled();
        },
      }),
    );
  return open;
}

const failing = (kind: ExchangeErrorKind) => () => Promise.reject(new ExchangeError(kind, `made up: ${kind}`));

afterEach(async () => {
  await rig.stop();
  expect(rig.clock.pendingTimers).toBe(0);
});

describe('Deepening', () => {
  it('asks once for the lookback, up to the newest candle held, and puts what it gets under what is held', async () => {
    const { deepening, store, asked } = build();
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    expect(asked).toEqual([{ ...KEY, limit: 300, endTime: SLOT - 1, lane: 'bulk', at: rig.clock.now() }]);
    expect(rowsOf(store.get(KEY))).toEqual(truths(KEY, 300));
    expect(sourcesOf(store.get(KEY))).toEqual([
      ['history', 201],
      ['stream', 99],
    ]);
    expect(rig.deepened).toEqual(['AUSDT@5m']);
    expect(deepening.stats()).toEqual({
      due: 0,
      inFlight: 0,
      done: 1,
      failed: 0,
      exhausted: 0,
      revised: 0,
      requests: 1,
      weight: 2,
    });
    deepening.request([KEY]);
    await settled();
    expect(asked).toHaveLength(1);
  });

  it('asks for each timeframe by itself', async () => {
    const { deepening, store } = build();
    const keys = [...rig.hold(['AUSDT']), ...rig.hold(['AUSDT'], 40, 300, '15m'), ...rig.hold(['AUSDT'], 9, 300, '1h')];
    deepening.request(keys);
    await settled();
    for (const key of keys) expect(rowsOf(store.get(key))).toEqual(truths(key, 300));
  });

  it('loses no candle that is appended during the request', async () => {
    const { deepening, store } = build();
    const requests = heldBack();
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    const series = store.get(KEY);
    for (const age of [0, 1, 2])
      expect(series?.append(truth(KEY, SLOT + age * STEP), 'stream', SLOT + STEP * 9)).toBeNull();
    await requests[0]?.reply();
    expect(rowsOf(store.get(KEY))).toEqual(truths(KEY, 300, 1, SLOT + 3 * STEP));
    expect(sourcesOf(store.get(KEY))).toEqual([
      ['history', 198],
      ['stream', 102],
    ]);
  });

  it('leaves the windows alone that were handed out before', async () => {
    const { deepening, store } = build();
    deepening.request(rig.hold(['AUSDT']));
    const window = store.get(KEY)?.window();
    if (window === undefined) throw new Error('nothing is held');
    await settled();
    expect(store.get(KEY)?.length).toBe(300);
    expect(Array.from(columnsOf(window).openTime)).toEqual(truths(KEY, 99).map(([openTime]) => openTime));
  });

  it('takes the newest truth where the exchange restates a candle, and says since when', async () => {
    const { deepening, store } = build();
    const restated = [50, 20].map((age) => truth(KEY, SLOT - age * STEP, 7));
    rig.answer = async (query) => {
      const { rows } = rig.reply(query);
      return { rows: rows.map((row) => restated.find(([openTime]) => openTime === row[0]) ?? row), refused: {} };
    };
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    const rows = rowsOf(store.get(KEY));
    expect([rows.at(-50), rows.at(-20)]).toEqual(restated);
    expect(sourcesOf(store.get(KEY)).map(([source]) => source)).toEqual([
      'history',
      'stream',
      'history',
      'stream',
      'history',
      'stream',
    ]);
    expect(rig.revisions).toEqual([{ ...KEY, since: SLOT - 50 * STEP }]);
    expect(deepening.stats().revised).toBe(2);
  });

  it('pages a long lookback backwards in the cheapest requests', async () => {
    const { deepening, store, asked } = build();
    deepening.request(rig.hold(['AUSDT'], 99, 1_200));
    await settled();
    expect(asked.map(({ limit, endTime }) => [limit, endTime])).toEqual([
      [499, SLOT - 1],
      [499, SLOT - 498 * STEP - 1],
      [204, SLOT - 996 * STEP - 1],
    ]);
    expect(rowsOf(store.get(KEY))).toEqual(truths(KEY, 1_200));
    expect(deepening.stats()).toMatchObject({ done: 1, requests: 3, weight: 6 });
  });

  it('does not ask again for what the exchange does not have', async () => {
    const { deepening, store, asked } = build();
    rig.listedFor.set('AUSDT', 130);
    const keys = rig.hold(['AUSDT']);
    deepening.request(keys);
    await settled();
    expect(rowsOf(store.get(KEY))).toEqual(truths(KEY, 130));
    store.get(KEY)?.append(truth(KEY, SLOT), 'stream', SLOT + STEP);
    deepening.request(keys);
    await settled();
    expect(asked).toHaveLength(1);
    expect(deepening.stats()).toMatchObject({ done: 0, exhausted: 1, due: 0 });
    deepening.forget('AUSDT');
    deepening.request(keys);
    await settled();
    expect(asked).toHaveLength(2);
  });

  it('asks again when an exhausted series was replaced by a shorter one', async () => {
    const { deepening, store, asked } = build();
    rig.listedFor.set('AUSDT', 130);
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    deepening.request(rig.hold(['AUSDT'], 99));
    await settled();
    expect(asked).toHaveLength(2);
    expect(store.get(KEY)?.length).toBe(130);
  });

  it('stops with requests under way: nothing is put anywhere, no timer is left', async () => {
    const { deepening, store, errors } = build();
    const requests = heldBack();
    deepening.request(rig.hold(named(9)));
    await settled();
    const stopped = Promise.all([deepening.stop(), deepening.stop()]);
    for (const { reply } of requests) await reply();
    await stopped;
    expect(requests).toHaveLength(4);
    expect(errors).toEqual([]);
    expect(store.get({ symbol: 'S0USDT', timeframe: '5m' })?.length).toBe(99);
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    expect(rig.asked).toHaveLength(4);
  });

  it('reports a listener that throws, and goes on', async () => {
    const broken = new Error('listener');
    const { deepening, store } = build({
      onDeepened: ({ symbol }) => {
        if (symbol === 'S0USDT') throw broken;
      },
    });
    const keys = rig.hold(named(6));
    deepening.request(keys);
    await settled();
    expect(rig.errors).toEqual([broken]);
    for (const key of keys) expect(store.get(key)?.length).toBe(300);
  });
});

describe('the order of deepening', () => {
  it('is the one given, a few at a time', async () => {
    const { deepening } = build();
    const requests = heldBack();
    deepening.request(rig.hold(named(9)));
    await settled();
    expect(rig.symbolsAsked).toEqual(named(4));
    await requests[2]?.reply();
    expect(rig.symbolsAsked).toEqual(named(5));
    expect(deepening.stats()).toMatchObject({ due: 4, inFlight: 4, done: 1 });
    for (let next = 0; next < 9; next++) if (next !== 2) await requests[next]?.reply();
    expect(rig.symbolsAsked).toEqual(named(9));
    expect(deepening.stats()).toMatchObject({ due: 0, inFlight: 0, done: 9 });
  });

  it('puts what is asked for later in front, and each series once', async () => {
    const { deepening } = build({ maxInFlight: 1 });
    const requests = heldBack();
    const keys = rig.hold(named(5));
    deepening.request(keys);
    deepening.request(keys.toReversed());
    deepening.request(keys.slice(2, 3));
    for (let next = 0; next < 5; next++) {
      await settled();
      await requests[next]?.reply();
    }
    expect(rig.symbolsAsked).toEqual(['S0USDT', 'S2USDT', 'S4USDT', 'S3USDT', 'S1USDT']);
  });

  it('passes over series that are full or hold nothing', async () => {
    const { deepening } = build();
    deepening.request([
      ...rig.hold(['FULLUSDT'], 300),
      { symbol: 'NONEUSDT', timeframe: '5m' },
      ...rig.hold(['AUSDT']),
    ]);
    await settled();
    expect(rig.symbolsAsked).toEqual(['AUSDT']);
  });

  it('begins with the start', async () => {
    rig = new DeepeningRig();
    rig.deepening.request(rig.hold(['AUSDT']));
    await settled();
    expect(rig.asked).toEqual([]);
    rig.deepening.start();
    await settled();
    expect(rig.symbolsAsked).toEqual(['AUSDT']);
  });

  it('rests while anyone has paused it; what is under way ends', async () => {
    const { deepening, clock } = build({ maxInFlight: 2 });
    const requests = heldBack();
    deepening.request(rig.hold(named(4)));
    await settled();
    deepening.pause('cycle');
    deepening.pause('memory');
    deepening.pause('memory');
    await requests[0]?.reply();
    expect(deepening.stats()).toMatchObject({ done: 1, inFlight: 1, due: 2 });
    deepening.resume('cycle');
    await clock.advance(10 * MINUTE);
    expect(rig.symbolsAsked).toEqual(named(2));
    deepening.resume('memory');
    await settled();
    expect(rig.symbolsAsked).toEqual(named(3));
  });
});

describe('series that go away', () => {
  it('are left as they are when they were forgotten during the request', async () => {
    const { deepening, store } = build({ maxInFlight: 1 });
    const requests = heldBack();
    deepening.request([...rig.hold(['AUSDT']), ...rig.hold(['AUSDT'], 99, 300, '1h'), ...rig.hold(['BUSDT'])]);
    await settled();
    deepening.forget('AUSDT');
    await requests[0]?.reply();
    await requests[1]?.reply();
    expect(rig.asked.map(({ symbol, timeframe }) => `${symbol}@${timeframe}`)).toEqual(['AUSDT@5m', 'BUSDT@5m']);
    expect(store.get(KEY)?.length).toBe(99);
    expect(rig.deepened).toEqual(['BUSDT@5m']);
  });

  it('can be asked for anew while the forgotten request is still under way', async () => {
    const { deepening, store } = build({ maxInFlight: 2 });
    const requests = heldBack();
    const keys = rig.hold(['AUSDT']);
    deepening.request(keys);
    await settled();
    deepening.forget('AUSDT');
    deepening.request(keys);
    await settled();
    await requests[0]?.reply();
    expect(store.get(KEY)?.length).toBe(99);
    await requests[1]?.reply();
    expect(store.get(KEY)?.length).toBe(300);
    expect(rig.deepened).toEqual(['AUSDT@5m']);
  });

  it('are not brought back when memory let go of them, before the request or during it', async () => {
    const { deepening, store } = build({ maxInFlight: 1 });
    const requests = heldBack();
    deepening.request(rig.hold(['AUSDT', 'BUSDT', 'CUSDT']));
    await settled();
    store.lost.add('AUSDT').add('BUSDT');
    await requests[0]?.reply();
    await requests[1]?.reply();
    expect(rig.symbolsAsked).toEqual(['AUSDT', 'CUSDT']);
    expect(rig.deepened).toEqual(['CUSDT@5m']);
    expect(deepening.stats()).toMatchObject({ done: 1, failed: 0, due: 0 });
  });

  it('X14: are reported and asked for in no timeframe when the exchange calls them unknown', async () => {
    const { deepening, clock } = build({ maxInFlight: 1 });
    rig.answer = async (query) => (query.symbol === 'AUSDT' ? failing('badSymbol')() : rig.reply(query));
    deepening.request([...rig.hold(['AUSDT']), ...rig.hold(['AUSDT'], 99, 300, '1h'), ...rig.hold(['BUSDT'])]);
    await clock.advance(60 * MINUTE);
    expect(rig.symbolsAsked).toEqual(['AUSDT', 'BUSDT']);
    expect(rig.badSymbols).toEqual(['AUSDT']);
    expect(deepening.stats()).toMatchObject({ failed: 1, done: 1, due: 0 });
  });
});

describe('the budget of deepening', () => {
  it('is half of the minute, whoever used it, and the next minutes bring the rest', async () => {
    const { deepening, governor, clock } = build({ weightLimit: 75 });
    expect(governor.budget).toBe(60);
    const others = await governor.acquire(10, 'urgent');
    governor.settle(others, 10);
    deepening.request(rig.hold(named(60)));
    await clock.advance(10 * MINUTE);
    const [first = 0, ...later] = rig.weightByMinute;
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThanOrEqual(20);
    expect(Math.max(...later)).toBeLessThanOrEqual(30);
    expect(later.length).toBeLessThanOrEqual(5);
    expect(deepening.stats()).toMatchObject({ done: 60, weight: 120 });
  });

  it('T1: neither stalls nor runs away while somebody sets the clock', async () => {
    const { deepening, clock } = build({ weightLimit: 75 });
    deepening.request(rig.hold(named(60)));
    for (const jumpMs of [3_600_000, -7_200_000, 86_400_000, -86_400_000]) {
      await clock.advance(MINUTE / 2);
      clock.jump(jumpMs);
      await clock.advance(MINUTE / 2);
    }
    await clock.advance(4 * MINUTE);
    expect(deepening.stats()).toMatchObject({ done: 60, requests: 60 });
    expect(Math.max(...rig.weightByMinute)).toBeLessThanOrEqual(30);
  });

  it('leaves what the next cycle needs', async () => {
    const { deepening, governor, clock } = build();
    rig.reserve = governor.budget - 20;
    deepening.request(rig.hold(named(30)));
    await clock.advance(40_000);
    expect(rig.weightByMinute[0]).toBeGreaterThan(10);
    expect(rig.weightByMinute[0]).toBeLessThanOrEqual(20);
    const asked = rig.asked.length;
    rig.reserve = governor.budget;
    await clock.advance(10 * MINUTE);
    expect(rig.asked).toHaveLength(asked);
    rig.reserve = 0;
    await clock.advance(MINUTE);
    expect(deepening.stats()).toMatchObject({ done: 30, requests: 30 });
  });

  it('is none while the gate is closed', async () => {
    const { deepening, governor, clock, asked } = build();
    governor.hold(clock.now() + 3 * MINUTE, 'throttled');
    deepening.request(rig.hold(named(6)));
    await clock.advance(3 * MINUTE - 1);
    expect(deepening.stats()).toMatchObject({ due: 6, inFlight: 0 });
    await clock.advance(2_000);
    expect(asked).toHaveLength(6);
  });
});

describe('an exchange that fails', () => {
  it.each(['unreachable', 'deadline', 'throttled', 'banned', 'unavailable', 'circuitOpen'] as const)(
    '%s: is left alone for longer and longer, asked by one request first, and nothing is given up',
    async (kind) => {
      const { deepening, clock, asked, errors } = build();
      const keys = rig.hold(named(12));
      rig.answer = failing(kind);
      deepening.request(keys);
      await settled();
      expect(asked).toHaveLength(4);
      expect(errors).toMatchObject([{ kind }]);
      await clock.advance(4 * 60 * MINUTE);
      const gaps = asked.slice(4).map(({ at }, index) => at - (asked[index + 3]?.at ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(MINUTE);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(12 * MINUTE);
      expect(errors).toHaveLength(asked.length - 3);
      expect(deepening.stats()).toMatchObject({ due: 12, failed: 0 });
      rig.answer = async (query) => rig.reply(query);
      await clock.advance(12 * MINUTE);
      expect(deepening.stats()).toMatchObject({ due: 0, done: 12, failed: 0 });
    },
  );

  it('with one series only has it asked for later, a few times, and the others at once', async () => {
    const { deepening, clock, store } = build();
    rig.answer = async (query) => (query.symbol === 'AUSDT' ? failing('badPayload')() : rig.reply(query));
    const keys = rig.hold(['AUSDT', ...named(8)]);
    deepening.request(keys);
    await settled();
    expect(deepening.stats()).toMatchObject({ done: 8, due: 1, failed: 0 });
    await clock.advance(2 * 60 * MINUTE);
    deepening.request(keys);
    await clock.advance(2 * 60 * MINUTE);
    expect(rig.symbolsAsked.filter((symbol) => symbol === 'AUSDT')).toHaveLength(5);
    expect(rig.errors).toMatchObject([{ kind: 'badPayload' }]);
    expect(deepening.stats()).toMatchObject({ done: 8, due: 0, failed: 1 });
    expect(store.get(KEY)?.length).toBe(99);
  });

  it('X12: with a hole keeps what leads up to the held candles, and the reply that is whole later fills the rest', async () => {
    const { deepening, clock, store, asked } = build();
    rig.answer = async (query) => {
      const { rows } = rig.reply(query);
      return { rows: asked.length > 1 ? rows : rows.filter((_, index) => index !== 100), refused: {} };
    };
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    expect(rowsOf(store.get(KEY))).toEqual(truths(KEY, 199));
    expect(deepening.stats()).toMatchObject({ done: 0, due: 1, exhausted: 0 });
    await clock.advance(2 * MINUTE);
    expect(rowsOf(store.get(KEY))).toEqual(truths(KEY, 300));
    expect(deepening.stats()).toMatchObject({ done: 1, due: 0 });
  });

  it.each([
    ['nothing', (): KlineReply => ({ rows: [], refused: {} })],
    ['candles of another time', () => ({ rows: truths(KEY, 900, 601), refused: {} })],
    ['only what is held', () => ({ rows: truths(KEY, 50), refused: { number: 250 } })],
    ['rows in disorder', () => ({ rows: truths(KEY, 300).toReversed(), refused: {} })],
    ['a forming candle', () => ({ rows: truths(KEY, 300, 1, SLOT + 2 * STEP).slice(-300), refused: {} })],
  ] satisfies [string, () => KlineReply][])('with %s changes no candle that is held', async (_, reply) => {
    const { deepening, store } = build();
    rig.answer = async () => reply();
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    expect(rowsOf(store.get(KEY)).slice(-99)).toEqual(truths(KEY, 99));
    expect(deepening.stats()).toMatchObject({ revised: 0, exhausted: 0 });
  });

  it('and a series that begins anew meanwhile keeps its new candles', async () => {
    const { deepening, store, clock } = build();
    const requests = heldBack();
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    const later = held(KEY, 0);
    for (const row of truths(KEY, 20, 1, SLOT + 400 * STEP)) later.append(row, 'history', SLOT + 400 * STEP);
    store.set(later);
    await requests[0]?.reply();
    expect(rowsOf(store.get(KEY))).toEqual(truths(KEY, 20, 1, SLOT + 400 * STEP));
    await clock.advance(2 * MINUTE);
    expect(rig.asked.at(-1)).toMatchObject({ limit: 300, endTime: SLOT + 400 * STEP - 1 });
  });
});

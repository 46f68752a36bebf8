import { describe, expect, it } from 'vitest';
import { ExchangeError, type ExchangeErrorKind } from '../../src/domain/errors.js';
import type { KlineReply } from '../../src/pipeline/exchange/contract.js';
import { DeepeningRig, held, KEY, rowsOf, SLOT, STEP, truths } from '../support/deepening.js';
import { MINUTE, settled } from '../support/fake-clock.js';
import { named } from '../support/universe.js';

const failing = (kind: ExchangeErrorKind) => () => Promise.reject(new ExchangeError(kind, `made up: ${kind}`));

describe('series that go away', () => {
  it('are left as they are when they were forgotten during the request', async () => {
    const rig = DeepeningRig.started({ maxInFlight: 1 });
    const { deepening, store } = rig;
    const requests = rig.heldBack();
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
    const rig = DeepeningRig.started({ maxInFlight: 2 });
    const { deepening, store } = rig;
    const requests = rig.heldBack();
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
    const rig = DeepeningRig.started({ maxInFlight: 1 });
    const { deepening, store } = rig;
    const requests = rig.heldBack();
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
    const rig = DeepeningRig.started({ maxInFlight: 1 });
    const { deepening, clock } = rig;
    rig.answer = async (query) => (query.symbol === 'AUSDT' ? failing('badSymbol')() : rig.reply(query));
    deepening.request([...rig.hold(['AUSDT']), ...rig.hold(['AUSDT'], 99, 300, '1h'), ...rig.hold(['BUSDT'])]);
    await clock.advance(60 * MINUTE);
    expect(rig.symbolsAsked).toEqual(['AUSDT', 'BUSDT']);
    expect(rig.badSymbols).toEqual(['AUSDT']);
    expect(deepening.stats()).toMatchObject({ failed: 1, done: 1, due: 0 });
  });
});

describe('an exchange that fails', () => {
  it.each(['unreachable', 'deadline', 'throttled', 'banned', 'unavailable', 'circuitOpen'] as const)(
    '%s: is left alone for longer and longer, asked by one request first, and nothing is given up',
    async (kind) => {
      const rig = DeepeningRig.started();
      const { deepening, clock, asked, errors } = rig;
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
    const rig = DeepeningRig.started();
    const { deepening, clock, store } = rig;
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
    const rig = DeepeningRig.started();
    const { deepening, clock, store, asked } = rig;
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
    const rig = DeepeningRig.started();
    const { deepening, store } = rig;
    rig.answer = async () => reply();
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    expect(rowsOf(store.get(KEY)).slice(-99)).toEqual(truths(KEY, 99));
    expect(deepening.stats()).toMatchObject({ revised: 0, exhausted: 0 });
  });

  it('and a series that begins anew meanwhile keeps its new candles', async () => {
    const rig = DeepeningRig.started();
    const { deepening, store, clock } = rig;
    const requests = rig.heldBack();
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

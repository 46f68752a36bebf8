import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../src/domain/series.js';
import { DeepeningRig, KEY, rowsOf, SLOT, STEP, sourcesOf, truth, truths } from '../support/deepening.js';
import { settled } from '../support/fake-clock.js';
import { named } from '../support/universe.js';

describe('Deepening', () => {
  it('asks once for the lookback, up to the newest candle held, and puts what it gets under what is held', async () => {
    const rig = DeepeningRig.started();
    const { deepening, store, asked } = rig;
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
    const rig = DeepeningRig.started();
    const { deepening, store } = rig;
    const keys = [...rig.hold(['AUSDT']), ...rig.hold(['AUSDT'], 40, 300, '15m'), ...rig.hold(['AUSDT'], 9, 300, '1h')];
    deepening.request(keys);
    await settled();
    for (const key of keys) expect(rowsOf(store.get(key))).toEqual(truths(key, 300));
  });

  it('loses no candle that is appended during the request', async () => {
    const rig = DeepeningRig.started();
    const { deepening, store } = rig;
    const requests = rig.heldBack();
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
    const rig = DeepeningRig.started();
    const { deepening, store } = rig;
    deepening.request(rig.hold(['AUSDT']));
    const window = store.get(KEY)?.window();
    if (window === undefined) throw new Error('nothing is held');
    await settled();
    expect(store.get(KEY)?.length).toBe(300);
    expect(Array.from(columnsOf(window).openTime)).toEqual(truths(KEY, 99).map(([openTime]) => openTime));
  });

  it('takes the newest truth where the exchange restates a candle, and says since when', async () => {
    const rig = DeepeningRig.started();
    const { deepening, store } = rig;
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
    const rig = DeepeningRig.started();
    const { deepening, store, asked } = rig;
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
    const rig = DeepeningRig.started();
    const { deepening, store, asked } = rig;
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
    const rig = DeepeningRig.started();
    const { deepening, store, asked } = rig;
    rig.listedFor.set('AUSDT', 130);
    deepening.request(rig.hold(['AUSDT']));
    await settled();
    deepening.request(rig.hold(['AUSDT'], 99));
    await settled();
    expect(asked).toHaveLength(2);
    expect(store.get(KEY)?.length).toBe(130);
  });

  it('stops with requests under way: nothing is put anywhere, no timer is left', async () => {
    const rig = DeepeningRig.started();
    const { deepening, store, errors } = rig;
    const requests = rig.heldBack();
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
    const rig = DeepeningRig.started({
      onDeepened: ({ symbol }) => {
        if (symbol === 'S0USDT') throw broken;
      },
    });
    const { deepening, store } = rig;
    const keys = rig.hold(named(6));
    deepening.request(keys);
    await settled();
    expect(rig.errors).toEqual([broken]);
    for (const key of keys) expect(store.get(key)?.length).toBe(300);
  });
});

import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { SlotLoop } from '../../src/scheduler/slot-loop.js';
import { settled } from '../support/fake-clock.js';
import { deferred, MUTE, SLOT, SLOT_MS, SlotRig } from '../support/slots.js';

const A = { symbol: 'AUSDT', timeframe: '5m' } as const;

describe('SlotRunner', () => {
  it('gives provisional signals from candles that are not final, and confirms or revokes each as its candle comes', async () => {
    const rig = await SlotRig.open();
    for (const symbol of rig.symbols) rig.hold(symbol, '5m');
    rig.foretold = { AUSDT: 102, BUSDT: 103, CUSDT: 100 };
    const final = deferred();
    rig.brings = async (symbol) => {
      await final.promise;
      return { AUSDT: 102, BUSDT: 100, CUSDT: 99 }[symbol] ?? null;
    };
    const run = rig.run();
    await vi.waitFor(() => {
      expect(rig.story).toEqual(['AUSDT published provisional long', 'BUSDT published provisional long']);
    });
    final.resolve();
    await run;
    expect(rig.story.slice(2).sort()).toEqual([
      'AUSDT confirmed confirmed long',
      'BUSDT revoked revoked long',
      'CUSDT published confirmed short',
    ]);
    expect(rig.records[0]?.signals).toEqual({ provisional: 2, confirmed: 2, revoked: 1, amended: 0 });
    expect(rig.errors).toEqual([]);
  });

  it('does not analyze a candle again that closed as it was last seen', async () => {
    const rig = await SlotRig.open();
    rig.symbols = ['AUSDT'];
    rig.hold('AUSDT', '5m');
    rig.foretold = { AUSDT: 102 };
    const final = deferred();
    rig.brings = () => final.promise.then(() => 102);
    const run = rig.run();
    await vi.waitFor(() => expect(rig.story).toHaveLength(1));
    final.resolve();
    await run;
    expect(rig.pool.asked).toEqual([['AUSDT']]);
    expect(rig.story).toEqual(['AUSDT published provisional long', 'AUSDT confirmed confirmed long']);
  });

  it('says nothing provisional of a candle that was final before its turn came', async () => {
    const rig = await SlotRig.open();
    for (const symbol of rig.symbols) rig.hold(symbol, '5m');
    rig.foretold = { AUSDT: 99, BUSDT: 99, CUSDT: 99 };
    const first = deferred();
    rig.pool.before = ({ series }) => (series[0]?.symbol === 'AUSDT' ? first.promise : Promise.resolve());
    const run = rig.run();
    await vi.waitFor(() => expect(rig.story).toHaveLength(2));
    first.resolve();
    await run;
    const provisional = rig.story.filter((line) => line.includes('provisional'));
    expect(provisional).toEqual(['AUSDT published provisional short']);
    expect(rig.story.filter((line) => line.endsWith('confirmed long'))).toHaveLength(3);
  });

  it('publishes what it has when its deadline passes, and leaves no listener and no timer', async () => {
    const rig = await SlotRig.open();
    rig.brings = (symbol) => (symbol === 'BUSDT' ? new Promise(() => {}) : Promise.resolve(101));
    const stop = new AbortController();
    const run = rig.run(SLOT, stop.signal);
    await rig.clock.advance(29_999);
    expect(rig.records).toEqual([]);
    await rig.clock.advance(1);
    await run;
    expect(rig.records[0]).toMatchObject({
      slot: SLOT,
      outcome: 'partial',
      durationMs: 30_000,
      symbols: { total: 3, analyzed: 2, skipped: 1 },
      skippedSeries: { timeout: 1 },
    });
    expect(rig.story.sort()).toEqual(['AUSDT published confirmed long', 'CUSDT published confirmed long']);
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it('publishes what it has when it is stopped', async () => {
    const rig = await SlotRig.open();
    rig.brings = (symbol) => (symbol === 'BUSDT' ? new Promise(() => {}) : Promise.resolve(101));
    const stop = new AbortController();
    const run = rig.run(SLOT, stop.signal);
    await settled();
    stop.abort(new Error('stopped'));
    await run;
    expect(rig.records[0]).toMatchObject({ outcome: 'partial', symbols: { analyzed: 2 } });
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
  });

  it('has a deadline that passes while signals are being published wait for them', async () => {
    const rig = await SlotRig.open();
    const { publish } = rig.signals;
    const disk = deferred();
    rig.signals.publish = async (update) => {
      await disk.promise;
      return publish.call(rig.signals, update);
    };
    let ended = false;
    const run = rig.run().finally(() => {
      ended = true;
    });
    await rig.clock.advance(31_000);
    expect(ended).toBe(false);
    disk.resolve();
    await run;
    expect(rig.records[0]).toMatchObject({ outcome: 'complete', signals: { confirmed: 3 } });
    expect(rig.records[0]?.stages.publishMs).toBeGreaterThan(30_000);
  });

  it('rejects only when nothing of the cycle goes on any more', async () => {
    const rig = await SlotRig.open();
    const slow = deferred();
    rig.pool.before = async ({ series }) => {
      if (series[0]?.symbol === 'AUSDT') throw new Error('no worker could be started');
      if (series[0]?.symbol === 'BUSDT') await slow.promise;
    };
    let rejected = false;
    const run = rig.run().catch((error: unknown) => {
      rejected = true;
      throw error;
    });
    run.catch(() => undefined);
    await vi.waitFor(() => expect(rig.story).toEqual(['CUSDT published confirmed long']));
    expect(rejected).toBe(false);
    slow.resolve();
    await expect(run).rejects.toThrow('no worker could be started');
    expect(rig.story.sort()).toEqual(['BUSDT published confirmed long', 'CUSDT published confirmed long']);
    expect(rig.records).toEqual([]);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it('rejects when what it found cannot be published, and runs the next slot', async () => {
    const rig = await SlotRig.open();
    const { publish } = rig.signals;
    rig.signals.publish = () => Promise.reject(new Error('closed'));
    await expect(rig.run()).rejects.toThrow('closed');
    rig.signals.publish = publish;
    await rig.run(SLOT + SLOT_MS);
    expect(rig.records.map(({ slot, outcome }) => [slot, outcome])).toEqual([[SLOT + SLOT_MS, 'complete']]);
  });

  it('goes on with the cycle when provisional signals fail, and tells', async () => {
    const rig = await SlotRig.open();
    for (const symbol of rig.symbols) rig.hold(symbol, '5m');
    rig.foretold = { AUSDT: 102 };
    rig.pool.before = () => (rig.pool.batches.length === 1 ? Promise.reject(new Error('bad luck')) : Promise.resolve());
    const final = deferred();
    rig.brings = () => final.promise.then(() => 101);
    const run = rig.run();
    await vi.waitFor(() => expect(rig.errors).toHaveLength(1));
    final.resolve();
    await run;
    expect(rig.errors.map(String)).toEqual(['Error: bad luck']);
    expect(rig.records[0]).toMatchObject({ outcome: 'complete', signals: { provisional: 0, confirmed: 3 } });
  });

  it('looks first at symbols that gave a signal last, then at the most liquid', async () => {
    const rig = await SlotRig.open();
    rig.brings = async (symbol) => (symbol === 'CUSDT' ? 150 : 100);
    await rig.run();
    rig.pool.batches.length = 0;
    await rig.run(SLOT + SLOT_MS);
    expect(rig.pool.asked[0]).toEqual(['CUSDT']);
  });

  it('analyzes the symbols of the moment in which it begins', async () => {
    const rig = await SlotRig.open();
    const gate = deferred();
    rig.brings = () => gate.promise.then(() => 101);
    const run = rig.run();
    await settled();
    rig.symbols = ['DUSDT'];
    gate.resolve();
    await run;
    expect(rig.records[0]?.symbols).toEqual({ total: 3, analyzed: 3, skipped: 0 });
    await rig.run(SLOT + SLOT_MS);
    expect(rig.records[1]?.symbols).toEqual({ total: 1, analyzed: 1, skipped: 0 });
  });
});

describe('X13: a closed candle that is revised later', () => {
  it('X13: amends its signal when it says something else now, and makes no second one', async () => {
    const rig = await SlotRig.open();
    await rig.run();
    const id = rig.changes.find(({ record }) => record.symbol === 'AUSDT')?.record.id;
    rig.changes.length = 0;
    rig.revise('AUSDT', 97);
    await rig.runner.review();
    expect(rig.story).toEqual(['AUSDT amended confirmed short']);
    expect(rig.changes[0]?.record).toMatchObject({ id, revision: 1, price: 97 });
    expect(rig.signals.query({ limit: 10, symbol: 'AUSDT' }).items).toHaveLength(1);
  });

  it('X13: revokes its signal when nothing is found any more', async () => {
    const rig = await SlotRig.open();
    await rig.run();
    rig.changes.length = 0;
    rig.revise('AUSDT', 100);
    await rig.runner.review();
    expect(rig.story).toEqual(['AUSDT revoked revoked long']);
  });

  it('X13: brings a signal when one is found only now', async () => {
    const rig = await SlotRig.open();
    rig.brings = async () => 100;
    await rig.run();
    expect(rig.story).toEqual([]);
    rig.revise('AUSDT', 103);
    await rig.runner.review();
    expect(rig.story).toEqual(['AUSDT published confirmed long']);
  });

  it('X13: is looked at by the end of the cycle during which it was revised, and once', async () => {
    const rig = await SlotRig.open();
    const late = deferred();
    rig.brings = async (symbol) => {
      if (symbol === 'CUSDT') await late.promise;
      return 101;
    };
    const run = rig.run();
    await vi.waitFor(() => expect(rig.story).toContain('AUSDT published confirmed long'));
    rig.revise('AUSDT', 98);
    await rig.runner.review();
    expect(rig.story).not.toContain('AUSDT amended confirmed short');
    late.resolve();
    await run;
    expect(rig.story.at(-1)).toBe('AUSDT amended confirmed short');
    const analyzed = rig.pool.batches.length;
    await rig.runner.review();
    expect(rig.pool.batches).toHaveLength(analyzed);
  });

  it('X13: is heard once however often it was told of, and before the first cycle not at all', async () => {
    const rig = await SlotRig.open();
    rig.runner.noteRevision(A);
    await rig.runner.review();
    expect(rig.pool.batches).toEqual([]);
    await rig.run();
    rig.pool.batches.length = 0;
    rig.revise('AUSDT', 97);
    for (let time = 0; time < 5; time++) rig.runner.noteRevision(A);
    await rig.runner.review();
    expect(rig.pool.asked).toEqual([['AUSDT']]);
  });

  it('X13: changes nothing when the symbol is no longer held, and tells when looking fails', async () => {
    const rig = await SlotRig.open();
    await rig.run();
    rig.pool.batches.length = 0;
    rig.runner.noteRevision({ symbol: 'GONEUSDT', timeframe: '5m' });
    await rig.runner.review();
    expect(rig.pool.batches).toEqual([]);
    rig.revise('AUSDT', 97);
    rig.pool.before = () => Promise.reject(new Error('no worker'));
    await rig.runner.review();
    expect(rig.errors.map(String)).toEqual(['Error: no worker']);
  });

  it('X13: says nothing again of timeframes that were not revised', async () => {
    const rig = await SlotRig.open({ timeframes: ['5m', '15m'] });
    rig.symbols = ['AUSDT'];
    await rig.run();
    expect(rig.changes.map(({ record }) => record.timeframe).sort()).toEqual(['15m', '5m']);
    const updates: string[][] = [];
    const { publish } = rig.signals;
    rig.signals.publish = (update) => {
      updates.push(update.candles.map(({ timeframe }) => timeframe));
      return publish.call(rig.signals, update);
    };
    rig.revise('AUSDT', 97);
    await rig.runner.review();
    expect(updates).toEqual([['5m']]);
  });
});

describe('T3: a cycle that lasts longer than its slot', () => {
  it('T3: is never joined by a second one; slots that pass are missed, and the newest runs next', async () => {
    const rig = new SlotRig(MUTE, { deadlineMs: () => 10 * SLOT_MS });
    let atOnce = 0;
    let most = 0;
    const missed: number[] = [];
    const { clock } = rig;
    rig.symbols = ['AUSDT'];
    rig.brings = async () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise<void>((resolve) => clock.setTimer(1.5 * SLOT_MS, resolve));
      atOnce -= 1;
      return 101;
    };
    const loop = new SlotLoop({
      base: '5m',
      clock,
      exchangeNow: () => clock.now(),
      run: (tick, signal) => rig.runner.run(tick, signal),
      onMissed: ({ count }) => missed.push(count),
      onError: (error) => rig.errors.push(error),
    });
    loop.start();
    await clock.advance(6 * SLOT_MS);
    const stopped = loop.stop();
    await clock.advance(2 * SLOT_MS);
    await stopped;
    // 0 – 1.5, then slot 1 late – 3, then slot 3 (2 was missed) – 4.5, slot 4 late – 6, slot 6 (5 was missed).
    expect(rig.records.map(({ slot, missed: gone }) => [(slot - SLOT) / SLOT_MS, gone])).toEqual([
      [0, 0],
      [1, 0],
      [3, 1],
      [4, 0],
      [6, 1],
    ]);
    expect(missed).toEqual([1, 1]);
    expect(most).toBe(1);
    expect(rig.errors).toEqual([]);
  });
});

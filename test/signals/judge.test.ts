import { describe, expect, it } from 'vitest';
import type { SignalUpdate } from '../../src/signals/contract.js';
import { judge } from '../../src/signals/judge.js';
import { SignalMemory } from '../../src/signals/memory.js';
import { Statements } from '../../src/signals/statements.js';
import { finding, manyFindings, SLOT, SLOT_MS, update } from '../support/signals.js';

function desk({ capacity = 100, statements = 100 } = {}) {
  const known = { memory: new SignalMemory(capacity), statements: new Statements(statements) };
  return {
    ...known,
    hear: (one: SignalUpdate) => {
      const judgement = judge(one, known, SLOT + 1_000, 30_000);
      for (const { record } of judgement.changes) known.memory.put(record);
      known.memory.trim();
      return { ...judgement, kinds: judgement.changes.map(({ kind }) => kind) };
    },
    statusOf: (id: string) => known.memory.get(id)?.status ?? null,
  };
}

describe('an update', () => {
  const btc = finding({ symbol: 'BTCUSDT' });
  const eth = finding({ symbol: 'ETHUSDT' });
  const both = update([btc, eth]);

  it('revokes what is gone from the candles it names, and no other', () => {
    const { hear, statusOf } = desk();
    hear(both);
    expect(hear(update([], { slot: SLOT + SLOT_MS, candles: [btc] })).kinds).toEqual(['revoked']);
    expect([statusOf(btc.id), statusOf(eth.id)]).toEqual(['revoked', 'confirmed']);
  });

  it('revokes nothing of an analyzer that was not asked, or was asked in another version', () => {
    const { hear, statusOf } = desk();
    hear(both);
    const gone = update([], { slot: SLOT + SLOT_MS, candles: [btc, eth] });
    expect(hear({ ...gone, analyzers: [] }).kinds).toEqual([]);
    expect(hear({ ...gone, analyzers: [{ name: 'trend', version: '1.1.0' }] }).kinds).toEqual([]);
    expect([statusOf(btc.id), statusOf(eth.id)]).toEqual(['confirmed', 'confirmed']);
  });

  it('takes a finding of an analyzer that failed on other candles, and revokes none of its others', () => {
    const { hear, statusOf } = desk();
    hear(both);
    const amended = finding({ symbol: 'BTCUSDT', direction: 'short' });
    const heard = hear(update([amended], { slot: SLOT + SLOT_MS, candles: [btc, eth], analyzers: [] }));
    expect(heard.kinds).toEqual(['amended']);
    expect([statusOf(btc.id), statusOf(eth.id)]).toEqual(['confirmed', 'confirmed']);
    expect(hear(update([btc], { slot: SLOT })).stale).toBe(1);
  });

  it('is refused whole when it has a finding on a candle that it does not name', () => {
    const { hear, memory } = desk();
    expect(() => hear({ ...both, candles: [btc] })).toThrow(
      new RangeError(
        'trend found something on ETHUSDT 5m closed 2026-01-01T12:00:00.000Z, a candle the update does not name',
      ),
    );
    expect(memory.size).toBe(0);
    expect(hear(both).kinds).toEqual(['published', 'published']);
  });

  it('that comes late brings nothing back that a newer one did not find', () => {
    const { hear, statusOf } = desk();
    hear(update([], { slot: SLOT + SLOT_MS, candles: [btc] }));
    expect(hear(update([btc]))).toMatchObject({ kinds: [], stale: 1 });
    expect(statusOf(btc.id)).toBeNull();
  });

  it('on forming candles has no say after one on final candles, of whatever slot', () => {
    const { hear, memory } = desk();
    hear(both);
    const forming = update([finding({ direction: 'short' })], { slot: SLOT + 9 * SLOT_MS, status: 'provisional' });
    expect(hear(forming)).toMatchObject({ kinds: [], stale: 1 });
    expect(memory.get(btc.id)?.direction).toBe('long');
  });

  it('of the same slot counts when it comes later, as after a second revision', () => {
    const { hear, memory } = desk();
    hear(both);
    expect(hear(update([finding({ strength: 0.9 })])).kinds).toEqual(['amended']);
    expect(memory.get(btc.id)).toMatchObject({ strength: 0.9, revision: 1 });
  });
});

describe('a memory that had to forget', () => {
  it('refuses what older slots say about candles that it does not remember', () => {
    const { hear, statements } = desk({ statements: 10 });
    const slots = [0, 1, 2, 3].map((index) => SLOT + index * SLOT_MS);
    for (const slot of slots) hear(update([], { slot, candles: manyFindings(5, slot) }));
    expect(statements.size).toBe(10);
    const [first = 0, second = 0, , newest = 0] = slots;
    const lateOn = (candleCloseTime: number, slot: number) =>
      hear(update([finding({ symbol: 'S1USDT', candleCloseTime })], { slot }));
    expect(lateOn(first, first).stale).toBe(1);
    expect(hear(update([finding({ symbol: 'NEWUSDT', candleCloseTime: second })], { slot: second })).kinds).toEqual([
      'published',
    ]);
    expect(lateOn(first, newest).kinds).toEqual(['published']);
  });

  it('does not publish again what may have left it', () => {
    const { hear, statusOf } = desk({ capacity: 4 });
    for (const slot of [0, 1, 2].map((index) => SLOT + index * SLOT_MS)) hear(update(manyFindings(2, slot), { slot }));
    const [left] = manyFindings(1);
    expect(statusOf(left?.id ?? '')).toBeNull();
    expect(hear(update(manyFindings(2), { slot: SLOT + 3 * SLOT_MS }))).toMatchObject({ kinds: [], stale: 2 });
  });

  it('knows a signal of a long candle for as long as that is the newest of its timeframe', () => {
    const { hear, statusOf } = desk({ capacity: 4 });
    const daily = finding({ timeframe: '1d' });
    hear(update([daily]));
    for (let index = 1; index < 288; index++) {
      const slot = SLOT + index * SLOT_MS;
      hear(update(manyFindings(2, slot), { slot }));
      expect(hear(update([daily], { slot }))).toMatchObject({ kinds: [], repeated: 1 });
    }
    const nextDay = SLOT + 288 * SLOT_MS;
    hear(update(manyFindings(2, nextDay), { slot: nextDay }));
    expect(statusOf(daily.id)).toBeNull();
  });
});

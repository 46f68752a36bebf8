import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SignalRecord, SignalUpdate } from '../../src/signals/contract.js';
import { judge } from '../../src/signals/judge.js';
import { candleKey, SignalMemory } from '../../src/signals/memory.js';
import { Statements } from '../../src/signals/statements.js';
import { finding, SLOT, SLOT_MS, type TestFinding, update } from '../support/signals.js';

const RUNS = Number(process.env['CANDLESCAN_TEST_SIGNAL_ORDERS'] ?? 300);
const CANDLES = ['BTCUSDT', 'ETHUSDT'].flatMap((symbol) =>
  [SLOT - SLOT_MS, SLOT].map((candleCloseTime) => ({ symbol, timeframe: '5m' as const, candleCloseTime })),
);
const VOICES = [
  { name: 'trend', version: '1.0.0' },
  { name: 'trend', version: '1.1.0' },
  { name: 'macd', version: '1.0.0' },
];
/** What one update may say of one candle by one voice: nothing, or one of these. */
const SAYINGS = [
  null,
  { direction: 'long', strength: 0.5 },
  { direction: 'long', strength: 0.6 },
  { direction: 'short', strength: 0.5 },
] as const;

/** Updates whose ranks all differ, each about some candles by some voices. */
const updates = fc
  .uniqueArray(fc.tuple(fc.nat(4), fc.constantFrom('provisional' as const, 'confirmed' as const)), {
    selector: ([slot, status]) => `${slot}${status}`,
    minLength: 1,
    maxLength: 8,
  })
  .chain((ranks) =>
    fc.tuple(
      ...ranks.map(([slot, status]) =>
        fc
          .record({
            candles: fc.subarray(CANDLES, { minLength: 1 }),
            analyzers: fc.subarray(VOICES, { minLength: 1 }),
            sayings: fc.array(fc.constantFrom(...SAYINGS), { minLength: 12, maxLength: 12 }),
          })
          .map(({ candles, analyzers, sayings }): SignalUpdate => {
            const findings = candles.flatMap((candle, row) =>
              analyzers.flatMap(({ name, version }, column): TestFinding[] => {
                const said = sayings[row * VOICES.length + column];
                return said ? [finding({ ...candle, ...said, analyzer: name, version })] : [];
              }),
            );
            return update(findings, { slot: SLOT + slot * SLOT_MS, status, candles, analyzers });
          }),
      ),
    ),
  );

/** What stands after the updates came in this order. */
function standing(inOrder: readonly SignalUpdate[]) {
  const memory = new SignalMemory(1_000);
  const statements = new Statements(1_000);
  let at = SLOT;
  for (const one of inOrder) {
    at += 1;
    const { changes } = judge(one, { memory, statements }, at, 30_000);
    for (const { record } of changes) memory.put(record);
  }
  return view([...memory.newestFirst()].filter(({ status }) => status !== 'revoked'));
}

/** What must stand: of each candle, what each voice said of it last. */
function golden(all: readonly SignalUpdate[]) {
  const rank = ({ status, slot }: SignalUpdate) => slot + (status === 'confirmed' ? 1e15 : 0);
  const newestFirst = [...all].sort((a, b) => rank(b) - rank(a));
  return view(
    CANDLES.flatMap((candle) =>
      VOICES.flatMap(({ name, version }) => {
        const last = newestFirst.find(
          (one) =>
            one.candles.some((other) => candleKey(other) === candleKey(candle)) &&
            one.analyzers.some((asked) => asked.name === name && asked.version === version),
        );
        const { id } = finding({ ...candle, analyzer: name, version });
        const said = last?.findings.find((other) => other.id === id);
        return last === undefined || said === undefined ? [] : [{ ...said, status: last.status }];
      }),
    ),
  );
}

function view(signals: readonly Pick<SignalRecord, 'id' | 'status' | 'direction' | 'strength' | 'price'>[]) {
  return new Map(
    signals.map(({ id, status, direction, strength, price }) => [id, { status, direction, strength, price }]),
  );
}

describe('updates in any order, some of them more than once', () => {
  it('end in what the newest statement about each candle says', () => {
    fc.assert(
      fc.property(
        updates.chain((all) =>
          fc.record({
            all: fc.constant(all),
            inOrder: fc
              .array(fc.nat(all.length - 1), { maxLength: 6 })
              .chain((again) =>
                fc.shuffledSubarray([...all.keys(), ...again], { minLength: all.length + again.length }),
              ),
          }),
        ),
        ({ all, inOrder }) => {
          const expected = golden(all);
          expect(standing(all)).toEqual(expected);
          expect(standing(inOrder.map((index) => all[index] as SignalUpdate))).toEqual(expected);
        },
      ),
      { numRuns: RUNS, seed: 5 },
    );
  });

  it('change nothing when they are repeated at once', () => {
    fc.assert(
      fc.property(updates, (all) => {
        const memory = new SignalMemory(1_000);
        const statements = new Statements(1_000);
        for (const one of all) {
          for (const { record } of judge(one, { memory, statements }, SLOT, 30_000).changes) memory.put(record);
          const again = judge(one, { memory, statements }, SLOT, 30_000);
          expect(again).toMatchObject({ changes: [] });
          expect(again.repeated + again.stale).toBe(one.findings.length);
        }
      }),
      { numRuns: RUNS / 5, seed: 6 },
    );
  });
});

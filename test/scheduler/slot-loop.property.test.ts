import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotAt } from '../../src/domain/slot.js';
import { PauseWatch } from '../../src/lib/pause-watch.js';
import { SlotLoop } from '../../src/scheduler/slot-loop.js';
import { FakeMachine } from '../support/fake-machine.js';
import { LoopRecord } from '../support/slot-loop.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1, 12, 0, 17);

/** One thing that happens to the machine, its process or what it takes for the exchange's time. */
const event = fc.oneof(
  fc.record({ kind: fc.constant('run on' as const), ms: fc.integer({ min: 1, max: 4 * MINUTE }) }),
  fc.record({ kind: fc.constant('stop' as const), ms: fc.integer({ min: 1, max: 10 * MINUTE }) }),
  fc.record({ kind: fc.constant('work' as const), ms: fc.integer({ min: 1, max: 2 * MINUTE }) }),
  fc.record({ kind: fc.constant('suspend' as const), ms: fc.integer({ min: 1, max: 60 * MINUTE }) }),
  fc.record({ kind: fc.constant('set wall clock' as const), ms: fc.integer({ min: -60 * MINUTE, max: 60 * MINUTE }) }),
  fc.record({ kind: fc.constant('correct time' as const), ms: fc.integer({ min: -5 * MINUTE, max: 10 * MINUTE }) }),
);
const runLengthsMs = fc.array(fc.integer({ min: 0, max: 3 * MINUTE }), { minLength: 1, maxLength: 5 });

describe('SlotLoop, whatever happens', () => {
  it('runs strictly increasing slots, each the newest of its moment, one at a time; those that ran and those missed are all that passed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 12 }), runLengthsMs, async (events, lengthsMs) => {
        const machine = new FakeMachine(START);
        const { clock } = machine;
        const record = new LoopRecord(clock, (run) => lengthsMs[run % lengthsMs.length] as number);
        const watch = new PauseWatch({ clock, probe: machine });
        let correctionMs = 0;
        const exchangeNow = () => START + clock.monotonic() + correctionMs;
        const { run, onMissed, onError } = record;
        const pausedMs = () => watch.pausedMs();
        const loop = new SlotLoop({ base: '1m', clock, exchangeNow, run, pausedMs, onMissed, onError });
        watch.start();
        loop.start();
        for (const { kind, ms } of events) {
          if (kind === 'run on') await clock.advance(ms);
          else if (kind === 'stop') await machine.stop(ms);
          else if (kind === 'work') await machine.work(ms);
          else if (kind === 'suspend') machine.suspend(ms);
          else if (kind === 'set wall clock') clock.jump(ms);
          else correctionMs += ms;
          // The watch, and a wait or a run: never more, so nothing can pile up.
          expect(clock.pendingTimers).toBeLessThanOrEqual(2);
        }
        const stopping = Promise.all([loop.stop(), watch.stop()]);
        await clock.advance(3 * MINUTE);
        await stopping;
        expect(clock.pendingTimers).toBe(0);
        check(record, loop);
      }),
      { numRuns: 60 },
    );
  });
});

function check(record: LoopRecord, loop: SlotLoop): void {
  const { ticks, slots, missed } = record;
  const { missedTotal, ticksTotal, lateTotal, lastSlot } = loop.stats();
  expect(slots).toEqual([...new Set(slots)].sort((a, b) => a - b));
  for (const { slot, firedAt, delayMs } of ticks)
    expect([slot, delayMs]).toEqual([slotAt(firedAt, '1m'), firedAt - slot]);
  expect(record.mostAtOnce).toBeLessThanOrEqual(1);
  expect(record.errors).toEqual([]);
  if (ticks.length === 0) return;
  const passed = ((slots.at(-1) as number) - (slots[0] as number)) / MINUTE + 1;
  expect(ticks.length + missedTotal).toBe(passed);
  expect(missed.reduce((sum, { count }) => sum + count, 0)).toBe(missedTotal);
  for (const { from, to, count } of missed) expect((to - from) / MINUTE + 1).toBe(count);
  expect(ticks.reduce((sum, tick) => sum + tick.missed, 0)).toBe(missedTotal);
  expect([ticksTotal, lateTotal, lastSlot]).toEqual([
    ticks.length,
    ticks.filter(({ late }) => late).length,
    slots.at(-1),
  ]);
}

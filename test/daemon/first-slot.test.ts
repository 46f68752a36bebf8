import { afterEach, describe, expect, it } from 'vitest';
import { slotAt } from '../../src/domain/slot.js';
import type { CycleItem } from '../../src/server/ports.js';
import type { SimProcess } from '../../src/sim/process.js';
import { DaemonProcess, endDaemons } from '../support/daemon.js';
import { simProcess } from '../support/surroundings.js';

/** The exchange is in another slot than the local clock at any time. */
const AHEAD_MS = 90_000;

let sim: SimProcess | undefined;

afterEach(async () => {
  await endDaemons();
  await sim?.stop();
});

describe('a daemon whose clock is wrong', () => {
  it("begins with the slot of the exchange's clock, not with one that is over", async () => {
    // A time that surprises is asked for twice; whoever does not wait for it is done with the rest long before.
    const slow = { path: 'time', action: { type: 'slow', delayMs: 1_500 } };
    sim = await simProcess('--symbols', '8', '--clock-offset-ms', String(AHEAD_MS), '--fault', JSON.stringify(slow));
    const earliest = slotAt(Date.now() + AHEAD_MS, '1m');
    const daemon = new DaemonProcess({ exchange: sim, plain: true, set: ['timeframes=[1m,5m]'] });
    await daemon.ready(30_000);
    const { items } = await daemon.json<{ items: CycleItem[] }>('/api/v1/cycles');
    const first = items.at(-1);
    expect(first).toMatchObject({ reason: 'start', outcome: 'complete', symbols: { total: 8, skipped: 0 } });
    expect(Date.parse(first?.slot ?? '')).toBeGreaterThanOrEqual(earliest);
  }, 60_000);
});

import { afterEach, describe, expect, it } from 'vitest';
import { candlesOf, LiveSim } from '../support/live-sim.js';
import { ShiftedClock } from '../support/shifted-clock.js';

const at = (minute: number, second = 0) => Date.UTC(2026, 2, 18, 14, minute, second);
const DAY_MS = 24 * 3_600_000;

let rig: LiveSim | undefined;
afterEach(() => rig?.stop());

describe('the live pipeline on the embedded exchange', () => {
  it('W8: has a new connection bring data before the old one goes, and loses no candle, when the exchange cuts all at an age', async ({
    annotate,
  }) => {
    const clock = new ShiftedClock(at(13, 48));
    // The exchange's day lasts a minute here. Ours passes with one message, which finds the connection a day old.
    const lifeMs = 60_000;
    let aged = false;
    rig = await LiveSim.start({
      clock,
      symbols: 12,
      streamsPerConnection: 200,
      sim: { stream: { limits: { lifeMs } } },
      onMessage: () => {
        if (aged || clock.now() < at(14, 3)) return;
        aged = true;
        rig?.age(DAY_MS);
      },
    });
    const { live, sim, witness, notices } = rig;
    live.start();
    await rig.run(at(13));
    const history = witness.asked.length;
    const first = await rig.run(at(14));
    expect(sim.stream.stats().opened).toBe(1);
    const open: number[] = [];
    await clock.until(at(14, 5));
    while (live.stats().stream.reconnects.rotation === undefined) {
      const { connections } = live.stats().stream;
      open.push(connections.open);
      await clock.until(clock.now() + 50);
    }
    await annotate(`${open.filter((count) => count === 2).length * 50} ms with two connections`);
    const second = await rig.run(at(15));
    for (const run of [first, second]) {
      expect(run.report.symbols.skipped).toEqual([]);
      for (const window of run.windows) {
        expect(candlesOf(window).map(({ row }) => row)).toEqual(rig.expected(window, run.slot));
      }
    }
    // The old connection was there until the new one was, and was ours to end.
    expect(Math.min(...open)).toBeGreaterThanOrEqual(1);
    expect(live.stats().stream).toMatchObject({ reconnects: { rotation: 1 }, connects: 2 });
    expect(notices).toEqual([]);
    expect(sim.stream.stats()).toMatchObject({ opened: 2, closes: {} });
    // Nobody had to be asked for a candle that traded.
    const quiet = [...rig.quiet(at(14)), ...rig.quiet(at(15))];
    expect(witness.asked.slice(history).map(({ symbol }) => symbol)).toEqual(quiet);
  }, 120_000);

  it('tells of a delisting as soon as the exchange does, and lets the symbol go without a request', async () => {
    const clock = new ShiftedClock(at(13, 10));
    rig = await LiveSim.start({ clock, symbols: 12, streamsPerConnection: 200 });
    const { live, sim, witness, contracts, symbols } = rig;
    live.start();
    await rig.run(at(13));
    const streamed = async (count: number) => {
      while (sim.stream.stats().streams !== count) await clock.until(clock.now() + 20);
    };
    await streamed(symbols.length);
    const before = witness.asked.length;
    const gone = symbols[3] as string;
    sim.setStatus(gone, 'SETTLING');
    while (contracts.length === 0) await clock.until(clock.now() + 20);
    expect(contracts).toMatchObject([{ symbol: gone, status: 'SETTLING', contractType: 'PERPETUAL' }]);
    live.setSymbols(symbols.filter((symbol) => symbol !== gone));
    await streamed(symbols.length - 1);
    expect(live.stats().stream.connections).toEqual({ waiting: 0, connecting: 0, open: 1, draining: 0 });
    expect(live.stats().stream.reconnects).toEqual({});
    expect(witness.asked.length).toBe(before);
    expect(sim.stats().nonTrading).toBe(0);
  }, 60_000);
});

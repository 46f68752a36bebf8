import { expect, onTestFinished } from 'vitest';
import { SECOND } from './fake-clock.js';
import { Market, Rig, type RigOptions, TIMEFRAMES } from './live.js';
import { MIDNIGHT, STEP_MS } from './stream-frames.js';

export const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'];
export const slotAfter = (steps: number) => MIDNIGHT + steps * STEP_MS;
export const key = (symbol: string, timeframe: (typeof TIMEFRAMES)[number] = '5m') => ({ symbol, timeframe });

/** The live pipeline over three symbols that trade from slot to slot. */
export class SlotRig extends Rig {
  /** Every stream shows the first state of the candle that opened at `openTime`: so it is confirmed. */
  trade(openTime: number): void {
    for (const symbol of SYMBOLS) this.send(symbol, this.market.frame(symbol, openTime, 1, this.clock.now(), false));
  }

  /** Lets time pass while every stream shows its forming candle often enough for its connection to live. */
  async until(time: number): Promise<void> {
    while (this.clock.now() < time) {
      await this.clock.advance(Math.min(20 * SECOND, time - this.clock.now()));
      this.trade(Math.floor(this.clock.now() / STEP_MS) * STEP_MS);
    }
  }

  /** A slot at which every symbol but the excepted closes 300 ms late, and its cycle. */
  async slot(steps: number, except: readonly string[] = []) {
    await this.until(slotAfter(steps));
    const cycle = this.cycle(slotAfter(steps));
    await this.clock.advance(300);
    for (const symbol of SYMBOLS) if (!except.includes(symbol)) this.close(symbol, slotAfter(steps - 1));
    this.trade(slotAfter(steps));
    await this.clock.advance(5 * SECOND);
    return cycle;
  }

  expectGolden(steps: number): void {
    for (const symbol of SYMBOLS) {
      for (const timeframe of TIMEFRAMES) {
        const rows = this.held({ symbol, timeframe });
        expect(rows).toEqual(rows.map(([openTime]) => this.market.row(symbol, timeframe, openTime)));
      }
      expect(this.held(key(symbol)).at(-1)?.[0]).toBe(slotAfter(steps - 1));
    }
  }
}

/** Holds nothing yet. When the test ends it is stopped, and must have reported no error and leave no timer. */
export function coldRig(options: Partial<RigOptions> = {}): SlotRig {
  const rig = new SlotRig({ market: new Market(SYMBOLS, 40), ...options });
  onTestFinished(async () => {
    await rig.live.stop();
    await rig.clock.advance(0);
    expect(rig.errors).toEqual([]);
    expect(rig.clock.pendingTimers).toBe(0);
  });
  return rig;
}

/** Every series up to midnight by one cycle, and a connected stream. */
export async function warmRig(options: Partial<RigOptions> = {}): Promise<SlotRig> {
  const rig = coldRig(options);
  await rig.cycle(MIDNIGHT);
  rig.live.start();
  await rig.clock.advance(2 * SECOND);
  rig.trade(slotAfter(0));
  rig.asked.length = 0;
  return rig;
}

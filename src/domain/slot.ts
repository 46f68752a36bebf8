import { floorToTimeframe, type Timeframe, timeframeMs } from './timeframe.js';

/** The aligned instant a cycle belongs to, in epoch milliseconds UTC: the close of a candle of the base timeframe. */
export type Slot = number;

/** The newest slot at or before `time` (exchange time, epoch ms). */
export function slotAt(time: number, base: Timeframe): Slot {
  return floorToTimeframe(time, base);
}

/** Open time of the newest candle of `timeframe` that has closed by `slot`. */
export function lastClosedOpenTime(slot: Slot, timeframe: Timeframe): number {
  return floorToTimeframe(slot, timeframe) - timeframeMs(timeframe);
}

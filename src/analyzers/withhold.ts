import type { Columns } from '../domain/series.js';
import type { WithheldReason } from './contract.js';

/** Candles in a row without any movement after which a market counts as dead. */
const FLAT_CANDLES = 14;

/**
 * Why nothing can be said about these candles, or null. `need` is what the least demanding analyzer needs. A dead
 * market (`flat`) has no range to measure a move by; one without a trade in its newest candle (`halted`) has no event.
 */
export function withholdReason(candles: Columns, need: number): WithheldReason | null {
  const { high, low, volume } = candles;
  const { length } = high;
  if (length === 0 || length < need) return 'warmup';
  let moved = length - 1;
  while (moved > length - 1 - FLAT_CANDLES && high[moved] === low[moved]) moved -= 1;
  if (moved === length - 1 - FLAT_CANDLES || moved < 0) return 'flat';
  return volume[length - 1] === 0 ? 'halted' : null;
}

import { encodeRecord } from '../../src/cache/codec/record.js';
import type { SegmentStore } from '../../src/cache/l2.js';
import { randomSeries } from './cache.js';

export const KEY = 'series/sim/5m/3';
export const OTHER = 'series/sim/5m/4';

/** What a segment of one symbol holds; another seed, other candles. */
export function records(seed: number, symbol = 'BTCUSDT'): Map<string, Uint8Array> {
  return new Map([[symbol, encodeRecord(randomSeries(symbol, '5m', { seed }).window())]]);
}

export const hex = (of: Map<string, Uint8Array>) => Buffer.from([...of.values()][0] as Uint8Array).toString('hex');

/** The first record that the store gives, to be compared with `hex`; the status when it gives none. */
export async function stored(store: SegmentStore, key = KEY): Promise<string> {
  const read = await store.read(key);
  return read.status === 'hit' ? Buffer.from([...read.segment.records.values()][0] ?? []).toString('hex') : read.status;
}

import { createHash } from 'node:crypto';
import type { Columns } from '../domain/series.js';
import type { ActiveAnalyzer } from './registry.js';

const HEX_LENGTH = 32;

/**
 * SHA-256 (hex, 32 characters) over the values of the candles. Where a candle came from is left out: the same candles
 * are the same input whether they were streamed or fetched.
 */
export function digestCandles(candles: Columns): string {
  const hash = createHash('sha256');
  for (const column of [candles.openTime, candles.open, candles.high, candles.low, candles.close, candles.volume]) {
    hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  }
  return hash.digest('hex').slice(0, HEX_LENGTH);
}

/** SHA-256 (hex, 32 characters) over who looked (the analyzer, then those whose findings it read) and at what. */
export function digestInput(analyzers: readonly ActiveAnalyzer[], candleDigests: readonly string[]): string {
  const identities = analyzers.map(({ analyzer, parameters }) => [
    analyzer.name,
    analyzer.version,
    Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return createHash('sha256')
    .update(JSON.stringify([identities, candleDigests]))
    .digest('hex')
    .slice(0, HEX_LENGTH);
}

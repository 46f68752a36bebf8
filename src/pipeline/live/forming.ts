import type { CandleRow } from '../../domain/candle.js';

/**
 * The newest known state of the candles that are not final: of each symbol the one that is forming and the one before,
 * which may have ended without being final yet.
 */
export class FormingCandles {
  /** Ascending by open time. */
  readonly #rows = new Map<string, readonly CandleRow[]>();

  set(symbol: string, row: CandleRow): void {
    const earlier = this.#rows.get(symbol)?.filter(([openTime]) => openTime < row[0]) ?? [];
    this.#rows.set(symbol, [...earlier.slice(-1), row]);
  }

  get(symbol: string, openTime: number): CandleRow | null {
    return this.#rows.get(symbol)?.find((row) => row[0] === openTime) ?? null;
  }

  /** Candles that opened until then are final. */
  closed(symbol: string, openTime: number): void {
    const rows = this.#rows.get(symbol);
    if (rows === undefined || (rows[0] as CandleRow)[0] > openTime) return;
    const forming = rows.filter((row) => row[0] > openTime);
    if (forming.length === 0) this.#rows.delete(symbol);
    else this.#rows.set(symbol, forming);
  }

  delete(symbol: string): void {
    this.#rows.delete(symbol);
  }
}

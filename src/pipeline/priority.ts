import { columnsOf } from '../domain/series.js';
import type { Timeframe } from '../domain/timeframe.js';
import type { SeriesStore } from './source.js';

/** Base candles that are compared: what a first look brings of every symbol, whatever its lookback. */
const CANDLES = 96;

/** What was traded of each symbol in its newest base candles: the sum of close times volume, quote asset; 0 when none is held. */
export function liquidityHeld(
  symbols: readonly string[],
  store: Pick<SeriesStore, 'get'>,
  base: Timeframe,
): ReadonlyMap<string, number> {
  return new Map(
    symbols.map((symbol) => {
      const series = store.get({ symbol, timeframe: base });
      if (series === undefined) return [symbol, 0];
      const { close, volume } = columnsOf(series.window({ count: CANDLES }));
      return [symbol, close.reduce((sum, price, index) => sum + price * (volume[index] as number), 0)];
    }),
  );
}

/** Most liquid first by what is held; equals stay in the order given. */
export function liquidityOrder(symbols: readonly string[], store: Pick<SeriesStore, 'get'>, base: Timeframe): string[] {
  return descending(symbols, liquidityHeld(symbols, store, base));
}

export interface PriorityOptions {
  /** Quote asset; a symbol that it lacks counts as 0. */
  readonly liquidity: ReadonlyMap<string, number>;
  /** When the newest signal of a symbol was given, epoch ms. Symbols without one are left out. */
  readonly recentSignals: ReadonlyMap<string, number>;
}

/**
 * Whom people look at first: the most liquid symbols and those nearest to a signal, which are the ones that gave one
 * last. A symbol stands where the better of its two ranks puts it, so both kinds alternate at the head; of two on the
 * same rank the one with the signal goes first.
 */
export function priorityOrder(symbols: readonly string[], { liquidity, recentSignals }: PriorityOptions): string[] {
  const byLiquidity = descending(symbols, liquidity);
  const bySignal = descending(
    byLiquidity.filter((symbol) => recentSignals.has(symbol)),
    recentSignals,
  );
  const length = Math.max(byLiquidity.length, bySignal.length);
  const ranked = Array.from({ length }, (_, rank) => [bySignal[rank], byLiquidity[rank]]).flat();
  return [...new Set(ranked.filter((symbol) => symbol !== undefined))];
}

function descending(symbols: readonly string[], by: ReadonlyMap<string, number>): string[] {
  return symbols.toSorted((a, b) => (by.get(b) ?? 0) - (by.get(a) ?? 0));
}

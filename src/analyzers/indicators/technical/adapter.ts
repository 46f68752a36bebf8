import type { Columns } from '../../../domain/series.js';
import type { Indicator, ParameterSpec } from '../contract.js';
import { defineIndicator } from '../define.js';
import { type TechnicalLibrary, technicalLibrary } from './library.js';

/** One candle as technicalindicators takes it. */
interface Candle {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** What it answers to a candle: a value per output, `undefined` during warm-up. */
type Answer = readonly (number | undefined)[];

interface Adapted<Parameter extends string> {
  readonly name: string;
  readonly description: string;
  readonly parameters: Readonly<Record<Parameter, ParameterSpec>>;
  readonly outputs: readonly string[];
  warmup(parameters: Readonly<Record<Parameter, number>>): number;
  settled?(parameters: Readonly<Record<Parameter, number>>, tolerance: number): number;
  /** A fresh calculation that takes candle after candle. */
  start(library: TechnicalLibrary, parameters: Readonly<Record<Parameter, number>>): (candle: Candle) => Answer;
}

/**
 * An indicator of technicalindicators as one of ours. It is fed candle by candle, so that a value stands in the row of
 * its candle whatever the library leaves out; an array of its results cannot be aligned, because it drops zeros.
 */
export function adapt<Parameter extends string>(adapted: Adapted<Parameter>): Indicator {
  return defineIndicator({
    ...adapted,
    description: `${adapted.description} (technicalindicators)`,
    compute(candles, parameters, out) {
      const warmup = adapted.warmup(parameters);
      let next: ((candle: Candle) => Answer) | null = adapted.start(technicalLibrary(), parameters);
      for (let row = 0; row < candles.close.length; row++) {
        const candle = candleAt(candles, row);
        let answer: Answer = [];
        if (candle !== null && next !== null) {
          try {
            answer = next(candle);
          } catch {
            // It throws strings at what it cannot take. Its state is lost, the candles of others are not.
            next = null;
          }
        }
        const missing = candle === null || next === null || row < warmup ? Number.NaN : 0;
        out.forEach((column, index) => {
          column[row] = finite(answer[index], missing);
        });
      }
    },
  });
}

/** The library tests results for truth: once warm, an `undefined` of a candle is a 0 that it took for nothing. */
function finite(value: number | undefined, missing: number): number {
  if (value === undefined) return missing;
  return Number.isFinite(value) ? value : Number.NaN;
}

/** Null when a value is not finite: one such value would stay in the library's sums for ever. */
function candleAt({ open, high, low, close, volume }: Columns, row: number): Candle | null {
  const candle = {
    open: open[row] as number,
    high: high[row] as number,
    low: low[row] as number,
    close: close[row] as number,
    volume: volume[row] as number,
  };
  return Object.values(candle).every(Number.isFinite) ? candle : null;
}

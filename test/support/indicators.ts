import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { IndicatorParameters } from '../../src/analyzers/indicators/contract.js';
import {
  computeIndicator,
  createScratch,
  indicatorNamed,
  resolveParameters,
} from '../../src/analyzers/indicators/registry.js';
import type { Columns } from '../../src/domain/series.js';

/** Folder of the reference values, or undefined where the tests run without them. */
export const truthDir = process.env.CANDLESCAN_TEST_DATA && join(process.env.CANDLESCAN_TEST_DATA, 'truth');

export type Table = Readonly<Record<string, readonly number[]>>;

/** A CSV file (gzipped or not) of the reference values as columns by header; what is not a number is NaN. */
export function readTable(...path: string[]): Table {
  const [header = '', ...lines] = readTruth(...path)
    .trimEnd()
    .split(/\r?\n/);
  const names = splitCsv(header);
  const rows = lines.map(splitCsv);
  const toNumber = (text: string | undefined) => (text === undefined || text.trim() === '' ? Number.NaN : Number(text));
  return Object.fromEntries(names.map((name, column) => [name, rows.map((row) => toNumber(row[column]))]));
}

export function readTruth(...path: string[]): string {
  const bytes = readFileSync(join(truthDir ?? '', ...path));
  return (path.at(-1)?.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

function splitCsv(line: string): string[] {
  return [...line.matchAll(/("([^"]*)"|[^,]*)(,|$)/g)].slice(0, -1).map((match) => match[2] ?? match[1] ?? '');
}

type Field = 'openTime' | 'open' | 'high' | 'low' | 'close' | 'volume';

/** Candles from plain columns; what is missing is 1 for volumes, steps of 5 minutes for times, the close for prices. */
export function candlesFrom(given: Partial<Record<Field, ArrayLike<number>>> & { close: ArrayLike<number> }): Columns {
  const { close } = given;
  const column = (values: ArrayLike<number>) => Float64Array.from(values);
  return {
    openTime: column(given.openTime ?? Array.from(close, (_, index) => index * 300_000)),
    open: column(given.open ?? close),
    high: column(given.high ?? close),
    low: column(given.low ?? close),
    close: column(close),
    volume: column(given.volume ?? Array.from(close, () => 1)),
    source: new Uint8Array(close.length),
  };
}

/** Candles `[from, to)` as columns of their own. */
export function sliceCandles(candles: Columns, from: number, to?: number): Columns {
  return {
    openTime: candles.openTime.slice(from, to),
    open: candles.open.slice(from, to),
    high: candles.high.slice(from, to),
    low: candles.low.slice(from, to),
    close: candles.close.slice(from, to),
    volume: candles.volume.slice(from, to),
    source: candles.source.slice(from, to),
  };
}

/** The columns of an indicator in memory of their own. */
export function compute(
  name: string,
  candles: Columns,
  parameters: IndicatorParameters = {},
): Record<string, Float64Array> {
  const indicator = indicatorNamed(name);
  return computeIndicator(indicator, candles, resolveParameters(indicator, parameters), createScratch());
}

/** The first place where two columns differ by more than the tolerance allows, NaN being equal to NaN only; or null. */
export function firstDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  allowed: (expected: number) => number,
): string | null {
  if (actual.length !== expected.length) return `${actual.length} rows, expected ${expected.length}`;
  for (let row = 0; row < expected.length; row++) {
    const found = actual[row] as number;
    const wanted = expected[row] as number;
    if (Number.isNaN(found) && Number.isNaN(wanted)) continue;
    if (Math.abs(found - wanted) <= allowed(wanted)) continue;
    return `row ${row}: found ${found}, expected ${wanted}`;
  }
  return null;
}

export const relative = (tolerance: number) => (expected: number) => tolerance * Math.abs(expected);
export const absolute = (tolerance: number) => () => tolerance;

/** What a generated market may do, one step per candle: a move in ticks, shadows in ticks, a volume in lots. */
interface Step {
  readonly move: number;
  readonly up: number;
  readonly down: number;
  readonly lots: number;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      move: fc.integer({ min: -40, max: 40 }),
      up: fc.nat(20),
      down: fc.nat(20),
      lots: fc.nat(10_000),
    }),
  },
  // Nothing happens, with and without trades.
  {
    weight: 2,
    arbitrary: fc.record({ move: fc.constant(0), up: fc.constant(0), down: fc.constant(0), lots: fc.nat(1) }),
  },
);

/**
 * Candles on a grid of ticks as an exchange makes them: flat runs, zero volume, unchanged closes; prices are positive
 * and, the tick being a power of two, exact.
 */
export function arbitraryCandles(size: { readonly min: number; readonly max: number }): fc.Arbitrary<Columns> {
  const runs = fc.array(
    fc.tuple(step, fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, fc.integer({ min: 2, max: 25 }))),
    {
      minLength: size.min,
      maxLength: size.max,
    },
  );
  return runs.map((drawn) => {
    const steps = drawn.flatMap(([one, times]) => Array.from({ length: times }, () => one)).slice(0, size.max);
    return marketOf(steps, 1 / 64);
  });
}

/** Candles that always move, so that a recursive indicator forgets: for tests of memory. */
export function arbitraryMovingCandles(length: number): fc.Arbitrary<Columns> {
  const moving = fc.record({
    move: fc.integer({ min: -40, max: 40 }).filter((ticks) => ticks !== 0),
    up: fc.integer({ min: 1, max: 20 }),
    down: fc.integer({ min: 1, max: 20 }),
    lots: fc.integer({ min: 1, max: 10_000 }),
  });
  return fc.array(moving, { minLength: length, maxLength: length }).map((steps) => marketOf(steps, 1 / 64));
}

function marketOf(steps: readonly Step[], tick: number): Columns {
  const candles = candlesFrom({ close: new Float64Array(steps.length) });
  let last = 64_000;
  steps.forEach(({ move, up, down, lots }, row) => {
    const open = last;
    last = Math.max(100, last + move);
    candles.open[row] = open * tick;
    candles.close[row] = last * tick;
    candles.high[row] = (Math.max(open, last) + up) * tick;
    candles.low[row] = (Math.min(open, last) - down) * tick;
    candles.volume[row] = lots / 8;
  });
  return candles;
}

import { builtInAnalyzers } from '../../src/analyzers/builtin/index.js';
import type {
  AnalysisBatch,
  Analyzer,
  BatchResult,
  Opinion,
  Parameters,
  SeriesAnalyzer,
} from '../../src/analyzers/contract.js';
import type { ActiveAnalyzer } from '../../src/analyzers/registry.js';
import { AnalyzerRegistry } from '../../src/analyzers/registry.js';
import { analyzeBatch } from '../../src/analyzers/runner.js';
import type { CandleRow } from '../../src/domain/candle.js';
import { Series, type SeriesWindow } from '../../src/domain/series.js';
import type { Finding } from '../../src/domain/signal.js';
import { type Timeframe, timeframeMs } from '../../src/domain/timeframe.js';
import { type Random, seededRandom } from '../../src/lib/random.js';

/** A whole number of weeks, so that candles of every timeframe open on it. */
export const START = 2_900 * 7 * 86_400_000 + 4 * 86_400_000;

/** Open, high, low, close, volume. */
export type Shape = readonly [open: number, high: number, low: number, close: number, volume: number];

/**
 * A market like those that are scanned: the price walks in twelve steps a candle, its volatility comes in clusters with
 * a fat tail, and volume follows the size of the move.
 */
export function randomMarket(seed: number, candles: number, price = 100): Shape[] {
  const random = seededRandom(seed);
  let close = price;
  let logVolatility = 0;
  let logVolume = 0;
  return Array.from({ length: candles }, () => {
    logVolatility = 0.95 * logVolatility + 0.15 * normal(random);
    logVolume = 0.8 * logVolume + 0.3 * normal(random);
    const jump = random() < 0.02 ? 3 : 1;
    const step = (0.003 * jump * Math.exp(logVolatility)) / Math.sqrt(12);
    const open = close;
    let [high, low] = [open, open];
    for (let tick = 0; tick < 12; tick++) {
      close *= Math.exp(step * normal(random));
      high = Math.max(high, close);
      low = Math.min(low, close);
    }
    const effort = Math.abs(Math.log(close / open)) / 0.003;
    return [open, high, low, close, 1_000 * Math.exp(logVolume) * (0.5 + effort)];
  });
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** The same market upside down: what rose by an amount falls by it. */
export function mirrored(shapes: readonly Shape[]): Shape[] {
  const center = 2 * Math.max(...shapes.map(([, high]) => high));
  return shapes.map(([open, high, low, close, volume]) => [
    center - open,
    center - low,
    center - high,
    center - close,
    volume,
  ]);
}

export function scaled(shapes: readonly Shape[], factor: number): Shape[] {
  return shapes.map(([open, high, low, close, volume]) => [
    open * factor,
    high * factor,
    low * factor,
    close * factor,
    volume,
  ]);
}

/** Candles that close at these prices, each opening where the one before closed, with wicks of `wick` and even volume. */
export function closingAt(closes: readonly number[], wick = 0.2, volume = 1_000): Shape[] {
  return closes.map((close, index) => {
    const open = closes[index - 1] ?? close;
    return [open, Math.max(open, close) + wick, Math.min(open, close) - wick, close, volume];
  });
}

export function windowOf(shapes: readonly Shape[], symbol = 'BTCUSDT', timeframe: Timeframe = '5m'): SeriesWindow {
  const series = new Series(symbol, timeframe, Math.max(1, shapes.length));
  const step = timeframeMs(timeframe);
  for (const [index, shape] of shapes.entries()) {
    const row: CandleRow = [START + index * step, ...shape];
    const refusal = series.append(row, 'history', Number.MAX_SAFE_INTEGER);
    if (refusal !== null) throw new Error(`row ${index} of a test market was refused: ${refusal}`);
  }
  return series.window();
}

export function batchOf(...series: readonly SeriesWindow[]): AnalysisBatch {
  return { slot: START + 400 * 86_400_000, series };
}

/** Analyzers with their defaults, or with the parameters given by name. */
export function active(analyzers: readonly Analyzer[], parameters: Parameters = {}): ActiveAnalyzer[] {
  const registry = new AnalyzerRegistry([]);
  for (const analyzer of analyzers) registry.add(analyzer, 'built-in');
  return registry.enable(analyzers.map(({ name }) => ({ name, parameters })));
}

export const allBuiltIns = (): ActiveAnalyzer[] => new AnalyzerRegistry(builtInAnalyzers).enable();

export function run(analyzers: readonly ActiveAnalyzer[], ...series: readonly SeriesWindow[]): BatchResult {
  return analyzeBatch(batchOf(...series), analyzers);
}

/** The finding of one series analyzer on the newest candle, or undefined; anything that failed is an error. */
export function findingOf(
  analyzer: SeriesAnalyzer,
  shapes: readonly Shape[],
  parameters: Parameters = {},
): Finding | undefined {
  const { findings, failures, withheld } = run(active([analyzer], parameters), windowOf(shapes));
  if (failures.length > 0 || withheld.length > 0) throw new Error(JSON.stringify({ failures, withheld }));
  return findings[0];
}

/** A series analyzer that says what `analyze` says. */
export function fakeAnalyzer(
  name: string,
  analyze: SeriesAnalyzer['analyze'] = () => null,
  over: Partial<SeriesAnalyzer> = {},
): SeriesAnalyzer {
  const identity = { kind: 'series', name, version: '1.0.0', description: 'for a test', parameters: {} } as const;
  return { ...identity, warmup: () => 1, analyze, ...over };
}

export const opinion = (over: Partial<Opinion> = {}): Opinion => ({
  direction: 'long',
  strength: 0.5,
  reasons: ['because'],
  ...over,
});

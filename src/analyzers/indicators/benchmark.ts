import type { Columns } from '../../domain/series.js';
import { type Clock, systemClock } from '../../lib/clock.js';
import { seededRandom } from '../../lib/random.js';
import { CONTESTANTS, type Contestant, type PlainCandles } from './benchmark/contestants.js';
import { plainCandles, randomWalk } from './benchmark/walk.js';
import type { IndicatorParameters } from './contract.js';
import { resolveParameters } from './parameters.js';
import { computeIndicator, indicatorNamed } from './registry.js';
import { createScratch } from './scratch.js';
import { technicalLibrary } from './technical/library.js';

export interface IndicatorComparison {
  /** What was measured and how, for whoever reads the figures. */
  readonly what: string;
  readonly series: number;
  /** Candles per series. */
  readonly length: number;
  /** Every indicator over every series by our kernels, one thread, median of the rounds, milliseconds. */
  readonly kernelsMs: number;
  /** The same through technicalindicators, from a sample of the series, milliseconds. */
  readonly referenceMs: number;
  /** referenceMs / kernelsMs */
  readonly ratio: number;
  readonly perIndicator: readonly IndicatorTiming[];
}

export interface IndicatorTiming {
  readonly name: string;
  readonly parameters: IndicatorParameters;
  readonly kernelsMs: number;
  readonly referenceMs: number;
  readonly ratio: number;
}

export interface ComparisonOptions {
  readonly series: number;
  readonly length: number;
  readonly seed: number;
  /** Rounds of which the median is taken. */
  readonly rounds?: number;
  /** Series that technicalindicators computes; its time is scaled to all. */
  readonly sample?: number;
  readonly clock?: Pick<Clock, 'monotonic'>;
}

/** Candles that the slowest indicator needs for a value, and some. */
const SHORTEST = 60;

/**
 * Our kernels against the same indicators of technicalindicators, with the same parameters over the same random walks,
 * in this thread, the two taking turns. Every output is read, so that no engine may leave a computation out.
 */
export function compareWithTechnicalIndicators(options: ComparisonOptions): IndicatorComparison {
  const { series, length, seed, rounds = 5, clock = systemClock } = options;
  if (series < 1 || length < SHORTEST) {
    throw new RangeError(`a comparison needs at least 1 series of ${SHORTEST} candles, not ${series} of ${length}`);
  }
  const sample = Math.min(series, options.sample ?? 60);
  const random = seededRandom(seed);
  const candles = Array.from({ length: series }, () => randomWalk(length, random));
  const plain = candles.slice(0, sample).map(plainCandles);
  const whole = kernelRun(CONTESTANTS, candles);
  const kernels = CONTESTANTS.map((contestant) => kernelRun([contestant], candles));
  const references = CONTESTANTS.map((contestant) => referenceRun(contestant, plain));
  const [wholeMs = 0, ...eachMs] = medianTimes([whole, ...kernels, ...references], rounds, clock);
  const perIndicator = CONTESTANTS.map(({ name, parameters }, index) => {
    const kernelsMs = eachMs[index] as number;
    const referenceMs = ((eachMs[CONTESTANTS.length + index] as number) * series) / sample;
    return { name, parameters, kernelsMs, referenceMs, ratio: referenceMs / kernelsMs };
  });
  const referenceMs = perIndicator.reduce((sum, one) => sum + one.referenceMs, 0);
  const what = [
    `${CONTESTANTS.length} indicators over ${series} series of ${length} candles in one thread`,
    `median of ${rounds} rounds`,
    `technicalindicators over ${sample} of the series and scaled`,
  ].join(', ');
  return { what, series, length, kernelsMs: wholeMs, referenceMs, ratio: referenceMs / wholeMs, perIndicator };
}

/** The median time of every run; a round runs each of them once, and a first round warms up. */
function medianTimes(
  runs: readonly (() => number)[],
  rounds: number,
  clock: Pick<Clock, 'monotonic'>,
): readonly number[] {
  for (const run of runs) run();
  const times = runs.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    runs.forEach((run, index) => times[index]?.push(timeOf(run, clock)));
  }
  return times.map((ms) => ms.toSorted((a, b) => a - b)[rounds >> 1] as number);
}

function timeOf(run: () => number, clock: Pick<Clock, 'monotonic'>): number {
  const startedMs = clock.monotonic();
  const consumed = run();
  const ms = clock.monotonic() - startedMs;
  if (Number.isNaN(consumed)) throw new Error('an indicator of the benchmark ended in NaN');
  return ms;
}

/** All of the indicators over one series after the other, as an analysis does it. */
function kernelRun(contestants: readonly Contestant[], candles: readonly Columns[]): () => number {
  const plans = contestants.map(({ name, parameters }) => {
    const indicator = indicatorNamed(name);
    return { indicator, parameters: resolveParameters(indicator, parameters) };
  });
  const scratch = createScratch();
  return () => {
    let consumed = 0;
    for (const one of candles) {
      scratch.reset();
      for (const { indicator, parameters } of plans) {
        const columns = computeIndicator(indicator, one, parameters, scratch);
        for (const output of indicator.outputs) consumed += columns[output]?.at(-1) ?? 0;
      }
    }
    return consumed;
  };
}

function referenceRun({ reference }: Contestant, candles: readonly PlainCandles[]): () => number {
  const library = technicalLibrary();
  return () => candles.reduce((sum, one) => sum + digest(reference(library, one).at(-1)), 0);
}

function digest(result: unknown): number {
  if (typeof result === 'number') return result;
  return Object.values(result as Record<string, number>).reduce((sum, value) => sum + value, 0);
}

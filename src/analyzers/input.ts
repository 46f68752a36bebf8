import { type Columns, columnsOf, type SeriesWindow } from '../domain/series.js';
import type { Slot } from '../domain/slot.js';
import type { Timeframe } from '../domain/timeframe.js';
import type { AnalyzerInput, Parameters } from './contract.js';
import { digestCandles } from './digest.js';
import type { Indicator } from './indicators/contract.js';
import { resolveParameters } from './indicators/parameters.js';
import { computeIndicator, indicatorNamed } from './indicators/registry.js';
import type { ScratchArena } from './indicators/scratch.js';

type IndicatorColumns = Readonly<Record<string, Float64Array>>;

interface Plan {
  readonly index: number;
  readonly indicator: Indicator;
  readonly parameters: Parameters;
}

const NO_PARAMETERS: Parameters = Object.freeze({});

/**
 * The indicators that were asked for in a batch. Names and parameters are checked once per batch and not once per
 * series; calls that mean the same computation share one plan.
 */
export class IndicatorPlans {
  readonly #byCall = new Map<string, Plan>();
  readonly #byMeaning = new Map<string, Plan>();

  /** Throws when the name or a parameter is unknown or out of range. */
  plan(name: string, parameters: Parameters): Plan {
    let call = name;
    for (const key in parameters) call += `;${key}=${parameters[key]}`;
    const known = this.#byCall.get(call);
    if (known !== undefined) return known;
    const indicator = indicatorNamed(name);
    const resolved = resolveParameters(indicator, parameters);
    const meaning = JSON.stringify([indicator.name, Object.keys(indicator.parameters).map((key) => resolved[key])]);
    const plan = this.#byMeaning.get(meaning) ?? { index: this.#byMeaning.size, indicator, parameters: resolved };
    this.#byMeaning.set(meaning, plan);
    this.#byCall.set(call, plan);
    return plan;
  }
}

/** One series as its analyzers see it. Valid until the scratch it computes in is reset. */
export class SeriesView {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly candles: Columns;
  /** For analyzers of the product itself: reads the shared memory. */
  readonly input: AnalyzerInput;
  #digest: string | undefined;

  constructor(window: SeriesWindow, slot: Slot, plans: IndicatorPlans, scratch: ScratchArena) {
    const { symbol, timeframe, length } = window;
    const candles = columnsOf(window);
    const computed: IndicatorColumns[] = [];
    const indicator = (name: string, given = NO_PARAMETERS): IndicatorColumns => {
      const plan = plans.plan(name, given);
      computed[plan.index] ??= computeIndicator(plan.indicator, candles, plan.parameters, scratch);
      return computed[plan.index] as IndicatorColumns;
    };
    this.symbol = symbol;
    this.timeframe = timeframe;
    this.candles = candles;
    this.input = Object.freeze({ symbol, timeframe, slot, candles, length, indicator });
  }

  /** For an analyzer of others: copies, because typed arrays cannot be frozen and these are everybody's. */
  foreignInput(): AnalyzerInput {
    const { input } = this;
    let candles: Columns | undefined;
    return Object.freeze({
      ...input,
      get candles() {
        candles ??= copied(input.candles);
        return candles;
      },
      indicator: (name: string, given?: Parameters) => copied(input.indicator(name, given)),
    });
  }

  get candlesDigest(): string {
    this.#digest ??= digestCandles(this.candles);
    return this.#digest;
  }
}

function copied<T extends { readonly [name in keyof T]: Float64Array | Uint8Array }>(columns: T): T {
  const copies = Object.entries<Float64Array | Uint8Array>(columns).map(([name, column]) => [name, column.slice()]);
  return Object.fromEntries(copies) as T;
}

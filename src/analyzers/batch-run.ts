import type { SeriesWindow } from '../domain/series.js';
import type { Finding } from '../domain/signal.js';
import type { Slot } from '../domain/slot.js';
import { type Timeframe, timeframeMs } from '../domain/timeframe.js';
import type { Clock } from '../lib/clock.js';
import type { KnownSeries, Opinion, SeriesAnalyzer, SymbolAnalyzer, SymbolInput, WithheldSeries } from './contract.js';
import { digestInput } from './digest.js';
import type { ScratchArena } from './indicators/scratch.js';
import { IndicatorPlans, SeriesView } from './input.js';
import { describeFailure, readOpinion, readTimeframe } from './opinion.js';
import type { Progress } from './progress.js';
import { type ActiveAnalyzer, BUILT_IN } from './registry.js';
import { Tally } from './tally.js';
import { withholdReason } from './withhold.js';

export interface BatchContext {
  readonly slot: Slot;
  readonly analyzers: readonly ActiveAnalyzer[];
  readonly scratch: ScratchArena;
  readonly progress: Progress;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly known: readonly KnownSeries[];
}

/** An analyzer and its position in the list that runs. */
interface Step<A> {
  readonly active: ActiveAnalyzer;
  readonly analyzer: A;
  readonly position: number;
}

/** One batch in progress: symbols go in one by one, what was found comes together here. */
export class BatchRun {
  readonly findings: Finding[] = [];
  readonly withheld: WithheldSeries[] = [];
  readonly tally: Tally;
  readonly #context: BatchContext;
  readonly #plans = new IndicatorPlans();
  readonly #seriesSteps: Step<SeriesAnalyzer>[] = [];
  readonly #symbolSteps: Step<SymbolAnalyzer>[] = [];
  readonly #known: ReadonlyMap<string, readonly Finding[]>;
  /** Candles that the least demanding analyzer needs. */
  readonly #need: number;

  constructor(context: BatchContext) {
    this.#context = context;
    this.tally = new Tally(context.analyzers);
    this.#known = new Map(context.known.map((series) => [keyText(series), series.findings.map(frozen)]));
    const warmups = context.analyzers.map(({ warmup }) => warmup);
    this.#need = warmups.length === 0 ? 1 : Math.min(...warmups);
    for (const [position, active] of context.analyzers.entries()) {
      const { analyzer } = active;
      if (analyzer.kind === 'series') this.#seriesSteps.push({ active, analyzer, position });
      else this.#symbolSteps.push({ active, analyzer, position });
    }
  }

  /** All series of one symbol, ascending by timeframe. */
  symbol(windows: readonly SeriesWindow[]): void {
    const views = windows.map((window) => this.#admit(window)).filter((view) => view !== null);
    const findings: Finding[] = [];
    for (const view of views) {
      const known = this.#known.get(keyText(view));
      if (known !== undefined) findings.push(...known);
      else for (const step of this.#seriesSteps) this.#runSeries(step, view, findings);
    }
    for (const step of this.#symbolSteps) this.#runSymbol(step, views, findings);
    this.findings.push(...findings);
    this.#context.scratch.reset();
  }

  #admit(window: SeriesWindow): SeriesView | null {
    const view = new SeriesView(window, this.#context.slot, this.#plans, this.#context.scratch);
    const reason = withholdReason(view.candles, this.#need);
    if (reason === null) return view;
    const { symbol, timeframe, length } = window;
    this.withheld.push({ symbol, timeframe, reason, have: length, need: this.#need });
    return null;
  }

  #runSeries(step: Step<SeriesAnalyzer>, view: SeriesView, findings: Finding[]): void {
    const { active, analyzer, position } = step;
    if (view.candles.close.length < active.warmup) {
      this.tally.tooShort(position);
      return;
    }
    const input = active.origin === BUILT_IN ? view.input : view.foreignInput();
    const opinion = this.#ask(position, () => readOpinion(analyzer.analyze(input, active.parameters)));
    if (opinion === null) return;
    this.tally.found(position);
    findings.push(toFinding(active, view, opinion, digestInput([active], [view.candlesDigest])));
  }

  #runSymbol(step: Step<SymbolAnalyzer>, admitted: readonly SeriesView[], findings: Finding[]): void {
    const { active, analyzer, position } = step;
    const views = admitted.filter((view) => view.candles.close.length >= active.warmup);
    for (let short = views.length; short < admitted.length; short++) this.tally.tooShort(position);
    const [first] = views;
    if (first === undefined) return;
    const input = symbolInput(this.#context.slot, active, analyzer, views, findings);
    const found = this.#ask(position, () => {
      const value: unknown = analyzer.analyze(input, active.parameters);
      const opinion = readOpinion(value);
      return opinion === null ? null : { opinion, timeframe: readTimeframe(value, input.timeframes) };
    });
    if (found === null) return;
    const view = views.find(({ timeframe }) => timeframe === found.timeframe) ?? first;
    const readers = [
      active,
      ...this.#context.analyzers.filter((other) => analyzer.dependsOn.includes(other.analyzer.name)),
    ];
    const digests = views.map(({ candlesDigest }) => candlesDigest);
    this.tally.found(position);
    findings.push(toFinding(active, view, found.opinion, digestInput(readers, digests)));
  }

  /** The answer of one call, timed; null when it failed, which is counted. */
  #ask<T>(position: number, call: () => T | null): T | null {
    const { clock, progress } = this.#context;
    const startedMs = clock.monotonic();
    progress.begin(position);
    try {
      return call();
    } catch (thrown) {
      const { reason, message } = describeFailure(thrown);
      this.tally.failed(position, reason, message);
      return null;
    } finally {
      const elapsedMs = clock.monotonic() - startedMs;
      progress.end(position, elapsedMs);
      this.tally.spent(position, elapsedMs);
    }
  }
}

function symbolInput(
  slot: Slot,
  active: ActiveAnalyzer,
  { dependsOn }: SymbolAnalyzer,
  views: readonly SeriesView[],
  findings: readonly Finding[],
): SymbolInput {
  const visible = findings.filter((finding) => dependsOn.includes(finding.analyzer));
  return Object.freeze({
    symbol: (views[0] as SeriesView).symbol,
    slot,
    timeframes: Object.freeze(views.map(({ timeframe }) => timeframe)),
    findings: (timeframe: Timeframe) => visible.filter((finding) => finding.timeframe === timeframe),
    series(timeframe: Timeframe) {
      const view = views.find((candidate) => candidate.timeframe === timeframe);
      if (view === undefined) throw new RangeError(`timeframe ${timeframe} was not analyzed`);
      return active.origin === BUILT_IN ? view.input : view.foreignInput();
    },
  });
}

function keyText({ symbol, timeframe }: Pick<KnownSeries, 'symbol' | 'timeframe'>): string {
  return `${timeframe}/${symbol}`;
}

/** Because symbol analyzers are handed the findings of others. */
function frozen(finding: Finding): Finding {
  return Object.freeze({ ...finding, reasons: Object.freeze([...finding.reasons]) });
}

function toFinding(active: ActiveAnalyzer, view: SeriesView, opinion: Opinion, inputDigest: string): Finding {
  const { openTime, close } = view.candles;
  const newest = close.length - 1;
  return frozen({
    symbol: view.symbol,
    timeframe: view.timeframe,
    analyzer: active.analyzer.name,
    version: active.analyzer.version,
    direction: opinion.direction,
    strength: opinion.strength,
    price: close[newest] as number,
    candleCloseTime: (openTime[newest] as number) + timeframeMs(view.timeframe),
    reasons: opinion.reasons,
    inputDigest,
  });
}

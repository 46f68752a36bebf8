import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Where everything is counted whose label value was not declared. */
export const OTHER = 'other';

/** Names of labels, each with every value that it is meant to take. Bound a list that comes from outside. */
export type LabelValues<L extends string> = Readonly<Record<L, readonly string[]>>;

type LabelArgs<L extends string> = [L] extends [never] ? [] : [labels: Readonly<Record<L, string>>];

/** Names come without the registry's prefix; `help` is a sentence for people. */
export interface MetricOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: LabelValues<L>;
}

export interface HistogramOptions<L extends string> extends MetricOptions<L> {
  /** Upper bounds, ascending, without infinity. */
  readonly buckets: readonly number[];
}

export interface CounterMetric<L extends string> {
  /** What cannot be added to a counter (below 0, not finite) is left out: measuring must never break what it measures. */
  inc(by: number, ...labels: LabelArgs<L>): void;
  /**
   * Brings the counter to totals kept elsewhere; those that share their labels are added up, so give all of them at once.
   * A total that fell was begun anew, and the counter goes on from where it is.
   */
  follow(...totals: readonly (readonly [total: number, ...labels: LabelArgs<L>])[]): void;
}

export interface GaugeMetric<L extends string> {
  set(value: number, ...labels: LabelArgs<L>): void;
  /** Sets several; those that share their labels are added up. */
  setAll(...values: readonly (readonly [value: number, ...labels: LabelArgs<L>])[]): void;
}

export interface HistogramMetric<L extends string> {
  /** What is no number is left out. */
  observe(value: number, ...labels: LabelArgs<L>): void;
}

export interface RegistryOptions {
  /** Of every metric that is made here, for instance `app_`. */
  readonly prefix: string;
  /** A reader of `onScrape` threw: what it reads stays as it was, and everything else is served. */
  readonly onError?: (error: unknown) => void;
}

export interface Scrape {
  readonly contentType: string;
  /** Prometheus text format 0.0.4. */
  readonly body: string;
}

/**
 * Metrics whose series are all known when they are made. Every label is declared with its values, so that each series is
 * there from the start and at 0 (a counter that appears at 1 shows no increase), and a value from outside makes none: it
 * is counted as `other`.
 */
export class MetricRegistry {
  /** For collectors of prom-client; what they make has no prefix. */
  readonly register = new Registry();
  readonly #options: RegistryOptions;
  readonly #readers: (() => void)[] = [];
  readonly #failures: CounterMetric<never>;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#failures = this.counter({ name: 'metrics_read_failures_total', help: 'Readers of metrics that failed.' });
  }

  counter<L extends string = never>(options: MetricOptions<L>): CounterMetric<L> {
    const labels = new Labels(options.labels);
    const metric = new Counter(this.#define(options, labels));
    for (const each of labels.all()) metric.inc(each, 0);
    const inc = (by: number, each: Record<string, string>) => {
      if (by > 0 && Number.isFinite(by)) metric.inc(each, by);
    };
    const seen = new Map<string, number>();
    return {
      inc: (by, ...given) => inc(by, labels.known(given)),
      follow: (...totals) => {
        for (const [key, { sum, each }] of labels.sumUp(totals)) {
          if (!Number.isFinite(sum)) continue;
          const before = seen.get(key) ?? 0;
          inc(sum < before ? sum : sum - before, each);
          seen.set(key, sum);
        }
      },
    };
  }

  gauge<L extends string = never>(options: MetricOptions<L>): GaugeMetric<L> {
    const labels = new Labels(options.labels);
    const metric = new Gauge(this.#define(options, labels));
    for (const each of labels.all()) metric.set(each, 0);
    return {
      set: (value, ...given) => metric.set(labels.known(given), value),
      setAll: (...values) => {
        for (const { sum, each } of labels.sumUp(values).values()) metric.set(each, sum);
      },
    };
  }

  histogram<L extends string = never>(options: HistogramOptions<L>): HistogramMetric<L> {
    const labels = new Labels(options.labels);
    const metric = new Histogram({ ...this.#define(options, labels), buckets: [...options.buckets] });
    for (const each of labels.all()) metric.zero(each);
    return {
      observe: (value, ...given) => {
        if (Number.isFinite(value)) metric.observe(labels.known(given), value);
      },
    };
  }

  /** `read` is called before each scrape, to set gauges and to let counters follow. */
  onScrape(read: () => void): void {
    this.#readers.push(read);
  }

  async scrape(): Promise<Scrape> {
    for (const read of this.#readers) {
      try {
        read();
      } catch (error) {
        this.#failures.inc(1);
        this.#options.onError?.(error);
      }
    }
    return { contentType: this.register.contentType, body: await this.register.metrics() };
  }

  #define({ name, help }: MetricOptions<string>, { names }: { readonly names: readonly string[] }) {
    return { name: `${this.#options.prefix}${name}`, help, labelNames: names, registers: [this.register] };
  }
}

export function createRegistry(options: RegistryOptions): MetricRegistry {
  return new MetricRegistry(options);
}

type Given = readonly [labels?: Readonly<Record<string, string>>];

interface Sum {
  sum: number;
  readonly each: Record<string, string>;
}

/** The labels of one metric. */
class Labels<L extends string> {
  readonly names: readonly string[];
  readonly #values: readonly (readonly [name: string, allowed: ReadonlySet<string>])[];

  constructor(values?: LabelValues<L>) {
    const entries: [string, readonly string[]][] = Object.entries(values ?? {});
    this.#values = entries.map(([name, allowed]) => [name, new Set(allowed)]);
    this.names = this.#values.map(([name]) => name);
  }

  /** Every combination of the declared values. */
  all(): Record<string, string>[] {
    let combinations: Record<string, string>[] = [{}];
    for (const [name, allowed] of this.#values) {
      combinations = combinations.flatMap((each) => [...allowed].map((value) => ({ ...each, [name]: value })));
    }
    return combinations;
  }

  known([given]: Given): Record<string, string> {
    return Object.fromEntries(this.#values.map(([name, allowed]) => [name, valueOf(given?.[name], allowed)]));
  }

  /** The sums of the values that share their labels. */
  sumUp(values: readonly (readonly [value: number, ...labels: LabelArgs<L>])[]): ReadonlyMap<string, Sum> {
    const sums = new Map<string, Sum>();
    for (const [value, ...given] of values) {
      const key = this.#keyOf(given);
      const held = sums.get(key);
      if (held === undefined) sums.set(key, { sum: value, each: this.known(given) });
      else held.sum += value;
    }
    return sums;
  }

  #keyOf([given]: Given): string {
    let key = '';
    for (const [name, allowed] of this.#values) key += `${valueOf(given?.[name], allowed)}\0`;
    return key;
  }
}

function valueOf(given: string | undefined, allowed: ReadonlySet<string>): string {
  return given !== undefined && allowed.has(given) ? given : OTHER;
}

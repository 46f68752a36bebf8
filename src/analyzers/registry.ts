import { ConfigError } from '../domain/errors.js';
import type { Analyzer, EnabledAnalyzer, Parameters } from './contract.js';
import { InvalidAnalyzer, readAnalyzer } from './identity.js';

/** Where an analyzer of the product itself comes from; others come from a file, named by its path. */
export const BUILT_IN = 'built-in';

/** An analyzer that is switched on, with every parameter decided. */
export interface ActiveAnalyzer {
  readonly analyzer: Analyzer;
  readonly parameters: Parameters;
  /** Candles that it needs with these parameters. */
  readonly warmup: number;
  /** `BUILT_IN`, or the path of its file. */
  readonly origin: string;
}

/** An analyzer as it is shown to people; plain data. */
export interface AnalyzerInfo {
  readonly name: string;
  readonly kind: Analyzer['kind'];
  readonly version: string;
  readonly description: string;
  readonly parameters: Parameters;
  readonly warmup: number;
  readonly dependsOn: readonly string[];
  readonly origin: string;
}

interface Wanted {
  readonly overrides: Parameters;
  /** Where in the configuration it is asked for. */
  readonly place: string;
}

export function describeAnalyzer({ analyzer, parameters, warmup, origin }: ActiveAnalyzer): AnalyzerInfo {
  const { name, kind, version, description } = analyzer;
  const dependsOn = analyzer.kind === 'symbol' ? analyzer.dependsOn : [];
  return { name, kind, version, description, parameters, warmup, dependsOn, origin };
}

/** The analyzers that can be switched on, by name. */
export class AnalyzerRegistry {
  readonly #known = new Map<string, { readonly analyzer: Analyzer; readonly origin: string }>();

  constructor(builtIns: Iterable<Analyzer>) {
    for (const analyzer of builtIns) this.#known.set(analyzer.name, { analyzer, origin: BUILT_IN });
  }

  /**
   * Adds what a module exports: one analyzer or an array of them, all or none. Throws `InvalidAnalyzer`, saying what is
   * wrong. An analyzer may depend only on those that were added before it, so there are no cycles.
   */
  add(exported: unknown, origin: string): void {
    const added = new Map<string, Analyzer>();
    for (const value of Array.isArray(exported) ? (exported as readonly unknown[]) : [exported]) {
      const analyzer = readAnalyzer(value);
      const holder = this.#known.get(analyzer.name)?.origin ?? (added.has(analyzer.name) ? origin : undefined);
      if (holder !== undefined) throw new InvalidAnalyzer(`name '${analyzer.name}' is already taken (${holder})`);
      for (const name of analyzer.kind === 'symbol' ? analyzer.dependsOn : []) {
        if (this.#known.has(name) || added.has(name)) continue;
        throw new InvalidAnalyzer(`${analyzer.name} depends on '${name}', which is not loaded before it`);
      }
      readWarmup(analyzer, analyzer.parameters);
      added.set(analyzer.name, analyzer);
    }
    if (added.size === 0) throw new InvalidAnalyzer('exports no analyzer');
    for (const [name, analyzer] of added) this.#known.set(name, { analyzer, origin });
  }

  /**
   * Those that `enabled` names (all that are known without it), in the order in which they must run. A name that is not
   * known is a `ConfigError`, unless `lenient`: when modules were refused it may be theirs.
   */
  enable(enabled?: readonly EnabledAnalyzer[], { lenient = false } = {}): ActiveAnalyzer[] {
    const wanted = new Map<string, Wanted>();
    for (const [index, { name, parameters }] of (enabled ?? this.#everything()).entries()) {
      const place = `analyzers.enabled[${index}]`;
      if (wanted.has(name)) throw new ConfigError(`${place}: '${name}' is listed twice`);
      if (this.#known.has(name)) wanted.set(name, { overrides: parameters ?? {}, place });
      else if (!lenient) {
        throw new ConfigError(`${place}: unknown analyzer '${name}'; known are ${[...this.#known.keys()].join(', ')}`);
      }
    }
    const active: ActiveAnalyzer[] = [];
    for (const [name, { analyzer, origin }] of this.#known) {
      const want = wanted.get(name);
      if (want === undefined) continue;
      if (analyzer.kind === 'series' || analyzer.dependsOn.some((dependency) => wanted.has(dependency))) {
        active.push({ analyzer, origin, ...decide(analyzer, want) });
      } else if (!lenient) {
        const readable = analyzer.dependsOn.join(', ');
        throw new ConfigError(`${want.place}: '${name}' has nothing to read; enable at least one of ${readable}`);
      }
    }
    // A stable sort: series analyzers first, then symbol analyzers, each after those that it depends on.
    return active.sort((a, b) => Number(a.analyzer.kind === 'symbol') - Number(b.analyzer.kind === 'symbol'));
  }

  #everything(): EnabledAnalyzer[] {
    return [...this.#known.keys()].map((name) => ({ name }));
  }
}

function decide(analyzer: Analyzer, { overrides, place }: Wanted): Pick<ActiveAnalyzer, 'parameters' | 'warmup'> {
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(analyzer.parameters, name)) {
      const allowed = Object.keys(analyzer.parameters).join(', ') || 'none';
      throw new ConfigError(`${place}.parameters: '${analyzer.name}' has no parameter '${name}'; it has ${allowed}`);
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new ConfigError(`${place}.parameters.${name}: found ${String(value)}, allowed is a finite number`);
    }
  }
  const parameters = Object.freeze({ ...analyzer.parameters, ...overrides });
  try {
    return { parameters, warmup: readWarmup(analyzer, parameters) };
  } catch (error) {
    throw new ConfigError(`${place}.parameters: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Also where an analyzer refuses parameters that make no sense together: its own `warmup` throws. */
function readWarmup(analyzer: Analyzer, parameters: Parameters): number {
  const warmup: unknown = analyzer.warmup(parameters);
  if (Number.isSafeInteger(warmup) && (warmup as number) >= 1) return warmup as number;
  throw new InvalidAnalyzer(`${analyzer.name}: warmup() gave ${String(warmup)}, not a whole number of candles`);
}

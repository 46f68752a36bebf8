import type { Analyzer, Parameters } from './contract.js';

const NAME = /^[a-z0-9-]{1,64}$/;
/** semver.org, section "suggested regular expression", with its quantifiers kept linear. */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*)?(?:\+[\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*)?$/;
const LONGEST_DESCRIPTION = 300;

/** A module's export is not what the contract of analyzers allows. */
export class InvalidAnalyzer extends Error {}

/**
 * The analyzer in `value`, as a copy that its module cannot change afterwards. Throws `InvalidAnalyzer` naming the field,
 * what was found and what is allowed, or whatever a getter of `value` throws.
 */
export function readAnalyzer(value: unknown): Analyzer {
  if (typeof value !== 'object' || value === null) throw new InvalidAnalyzer(`is ${kindOf(value)}, not an analyzer`);
  const source = value as Record<string, unknown>;
  const identity = {
    name: matching(source['name'], 'name', NAME, 'lower case letters, digits and dashes'),
    version: matching(source['version'], 'version', SEMVER, 'a semantic version such as 1.0.0'),
    description: matching(source['description'], 'description', /\S/, `a sentence`).slice(0, LONGEST_DESCRIPTION),
    parameters: readDefaults(source['parameters']),
  };
  const warmup = method(source, 'warmup') as Analyzer['warmup'];
  const analyze = method(source, 'analyze');
  const kind = source['kind'];
  if (kind === 'series') return Object.freeze({ ...identity, kind, warmup, analyze }) as Analyzer;
  if (kind !== 'symbol') throw new InvalidAnalyzer(`kind is ${kindOf(kind)}, not 'series' or 'symbol'`);
  return Object.freeze({ ...identity, kind, dependsOn: readNames(source['dependsOn']), warmup, analyze }) as Analyzer;
}

function matching(value: unknown, field: string, pattern: RegExp, allowed: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new InvalidAnalyzer(`${field} is ${kindOf(value)}, not ${allowed}`);
}

function method(source: Record<string, unknown>, field: string): (...args: readonly unknown[]) => unknown {
  const found = source[field];
  if (typeof found !== 'function') throw new InvalidAnalyzer(`${field} is ${kindOf(found)}, not a function`);
  return (...args) => Reflect.apply(found, source, args) as unknown;
}

function readDefaults(value: unknown): Parameters {
  if (typeof value !== 'object' || value === null)
    throw new InvalidAnalyzer(`parameters are ${kindOf(value)}, not an object`);
  const entries = Object.entries(value).map(([name, number]: [string, unknown]) => {
    if (typeof number === 'number' && Number.isFinite(number)) return [name, number] as const;
    throw new InvalidAnalyzer(`parameters.${name} is ${kindOf(number)}, not a finite number`);
  });
  return Object.freeze(Object.fromEntries(entries));
}

function readNames(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new InvalidAnalyzer(`dependsOn is ${kindOf(value)}, not an array of names`);
  const names = value.map((name: unknown) => matching(name, 'dependsOn', NAME, 'names of analyzers'));
  return Object.freeze([...new Set(names)]);
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

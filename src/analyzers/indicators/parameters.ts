import type { Indicator, IndicatorParameters, ParameterSpec } from './contract.js';

/** Longest window: far beyond what a chart offers, short enough that a typing error is caught. */
const LONGEST_PERIOD = 10_000;

/** A window or smoothing length in candles. */
export function periodOf(defaultValue: number, min = 1): ParameterSpec {
  return { default: defaultValue, min, max: LONGEST_PERIOD, integer: true };
}

/** A factor on a deviation or a range. */
export function multiplierOf(defaultValue: number): ParameterSpec {
  return { default: defaultValue, min: 0.001, max: 1_000, integer: false };
}

/** All parameters of an indicator: the given ones over the defaults. Throws a RangeError on unknown or invalid ones. */
export function resolveParameters(
  indicator: Pick<Indicator, 'name' | 'parameters'>,
  given: IndicatorParameters = {},
): IndicatorParameters {
  const specs = indicator.parameters;
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(specs, name)) continue;
    const known = Object.keys(specs).join(', ') || 'none';
    throw new RangeError(`indicator ${indicator.name}: unknown parameter ${name}; it takes ${known}`);
  }
  const resolved: Record<string, number> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const value = given[name] ?? spec.default;
    if (!isAllowed(value, spec)) {
      const allowed = `${spec.integer ? 'a whole number' : 'a number'} from ${spec.min} to ${spec.max}`;
      throw new RangeError(`indicator ${indicator.name}: parameter ${name} is ${String(value)}; allowed is ${allowed}`);
    }
    // A whole number that was read from a field of fractions is kept as one by V8, and so would be every index
    // computed from it, at three times the cost of the loop: `| 0` makes it an integer again.
    resolved[name] = spec.integer ? value | 0 : value;
  }
  return resolved;
}

function isAllowed(value: unknown, spec: ParameterSpec): boolean {
  if (typeof value !== 'number' || !(value >= spec.min && value <= spec.max)) return false;
  return !spec.integer || Number.isInteger(value);
}

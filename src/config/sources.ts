import type { Path } from './problems.js';

/** Where a value came from. */
export interface Origin {
  /** `default`, `file <path>`, `env CANDLESCAN_…`, `--set`, `--data-dir`. */
  readonly label: string;
  /** The place to correct, for a problem at `path` inside the value: `my.yaml:3:12`, a variable or an option. */
  place(path?: Path): string;
}

/** One key given a value by one source. Every source is a list of these and the last one of a key holds. */
export interface Assignment {
  readonly key: string;
  readonly value: unknown;
  readonly origin: Origin;
}

export const optionOrigin = (option: string): Origin => ({ label: option, place: () => option });

const POLLUTING = new Set(['__proto__', 'constructor', 'prototype']);

/** The first name inside a value that would reach the prototype of whatever the value is copied into, or null. */
export function pollutingName(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, inner] of Object.entries(value)) {
    const found = POLLUTING.has(name) ? name : pollutingName(inner);
    if (found !== null) return found;
  }
  return null;
}
